"""One dial gives every architecture models of the parameters asked for, in shapes near the aspect asked for."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalewise.errors import StudyError
from scalewise.lab.dial import dialled, heads_of
from scalewise.lab.shapes import ARCHITECTURES, Architecture, Shape
from scalewise.lab.study import Size, load_study


@given(st.floats(1e4, 1e10), st.sampled_from(ARCHITECTURES))
def test_params_are_near_and_heads_fit(params: float, architecture: Architecture) -> None:
    def shape_at(width: int, depth: int, heads: int) -> Shape:
        return Size(width=width, depth=depth, heads=heads).shape(128, architecture)

    width, depth, heads = dialled(params, 24.0, shape_at)
    assert width % (2 * heads) == 0
    assert heads == 1 or width // heads >= 32
    assert shape_at(width, depth, heads).params == pytest.approx(params, rel=0.3)
    if params > 1e6 and depth < 64:
        assert 12 < width / depth < 48


def test_heads_are_as_many_as_stay_wide() -> None:
    assert [heads_of(width) for width in (8, 32, 64, 96, 128, 768)] == [1, 1, 2, 3, 4, 24]


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
