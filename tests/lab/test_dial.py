"""One dial gives every architecture models of the parameters asked for, in shapes near the aspect asked for."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalewise.errors import StudyError
from scalewise.lab.dial import Rules, dialled
from scalewise.lab.shapes import ARCHITECTURES, Architecture, Shape
from scalewise.lab.study import Size, load_study


@given(st.floats(1e4, 1e10), st.sampled_from(ARCHITECTURES))
def test_params_are_near_and_heads_fit(params: float, architecture: Architecture) -> None:
    def shape_at(width: int, depth: int, heads: int) -> Shape:
        return Size(width=width, depth=depth, heads=heads).shape(128, architecture)

    width, depth, heads = dialled(params, Rules(), shape_at)
    assert width % (2 * heads) == 0
    assert heads == 1 or width // heads >= 32
    assert shape_at(width, depth, heads).params == pytest.approx(params, rel=0.3)
    if params > 1e6 and depth < 64:
        assert 12 < width / depth < 48


def test_heads_are_as_many_as_stay_wide() -> None:
    assert [Rules().heads_of(width) for width in (8, 32, 64, 96, 128, 768)] == [1, 1, 2, 3, 4, 24]


def test_an_arm_may_be_deeper_at_equal_params(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(
        'name = "aspect"\nflops = [1e12]\n[dial]\nparams = [1e6, 1e7]\n'
        '[[arms]]\nname = "wide"\naspect = 64\n[[arms]]\nname = "deep"\naspect = 8\n'
    )
    study = load_study(path)
    wide, deep = ([(s.depth, study.shape(arm, s).params) for s in study.sizes_of(arm)] for arm in study.all_arms)
    for (fewer, wide_params), (more, deep_params) in zip(wide, deep, strict=True):
        assert more >= 3 * fewer
        assert wide_params == pytest.approx(deep_params, rel=0.4)


@given(
    st.floats(1e5, 1e9),
    st.sampled_from([{"depth": 3}, {"heads": 11}, {"head_width": 16}, {"heads": 4, "depth": 2}]),
    st.sampled_from(ARCHITECTURES),
)
def test_every_rule_can_be_overridden(params: float, given: dict[str, int], architecture: Architecture) -> None:
    def shape_at(width: int, depth: int, heads: int) -> Shape:
        return Size(width=width, depth=depth, heads=heads).shape(128, architecture)

    width, depth, heads = dialled(params, Rules(**given), shape_at)
    assert depth == given.get("depth", depth)
    assert heads == given.get("heads", heads)
    assert heads == 1 or "heads" in given or width // heads >= given.get("head_width", 32)
    assert shape_at(width, depth, heads).params == pytest.approx(params, rel=0.5)


def test_a_given_width_leaves_the_depth(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    dial = 'name = "w"\nflops = [1e12]\n[dial]\nparams = [1e5, 1e6]\n'
    path.write_text(dial + "width = 64\n")
    study = load_study(path)
    (arm,) = study.all_arms
    assert [(size.width, size.depth, size.heads) for size in study.sizes_of(arm)] == [(64, 1, 2), (64, 19, 2)]
    path.write_text(dial.replace("1e6", "1e8") + "width = 64\n")
    with pytest.raises(StudyError, match=r"no depth up to 64 gives a model of width 64 about 1e\+08 params"):
        load_study(path)


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ("width = 64\ndepth = 2", "depth and width cannot be given together"),
        ("aspect = 8\ndepth = 2", "aspect and depth cannot be given together"),
        ("heads = 2\nhead_width = 16", "heads and head_width cannot be given together"),
        ("width = 33", "width 33 must be a multiple of twice its 1 heads"),
        ("width = 50\nheads = 4", "width 50 must be a multiple of twice its 4 heads"),
        ("depth = 2\n[[arms]]\nname = 'a'\naspect = 8", "nothing to turn where the dial has a depth"),
    ],
)
def test_rules_that_contradict_each_other(tmp_path: Path, rules: str, why: str) -> None:
    path = tmp_path / "study.toml"
    path.write_text(f'name = "r"\nflops = [1e12]\n[dial]\nparams = [1e6]\n{rules}\n')
    with pytest.raises(StudyError, match=why):
        load_study(path)


@pytest.mark.parametrize(
    "models",
    ["", "sizes = [{ width = 32, depth = 1 }]\n[dial]\nparams = [1e6]\n"],
    ids=["neither", "both"],
)
def test_sizes_come_from_one_place(tmp_path: Path, models: str) -> None:
    path = tmp_path / "study.toml"
    path.write_text(f'name = "sizes"\nflops = [1e12]\n{models}')
    with pytest.raises(StudyError, match=r"either one by one as `sizes`, or by their params as `\[dial\]`"):
        load_study(path)
