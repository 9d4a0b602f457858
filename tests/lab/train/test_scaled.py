"""Data-dependent first weights: every product is as large on the first batch as it would be on unit inputs."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install 'scalewise[train]'")

from scalewise.errors import StudyError  # noqa: E402
from scalewise.lab.compute import Compute  # noqa: E402
from scalewise.lab.declared import Size  # noqa: E402
from scalewise.lab.shapes import Architecture  # noqa: E402
from scalewise.lab.stack import Member, Setting, Stack  # noqa: E402
from scalewise.lab.study import load_study  # noqa: E402

pytestmark = pytest.mark.train
CONTEXT, DEPTH = 32, 3
MEMBERS = [Member(1e-3, seed) for seed in range(3)]


def scaled(architecture: Architecture, members: list[Member], windows: torch.Tensor) -> Stack:
    shape = Size(width=64, depth=DEPTH).shape(CONTEXT, architecture)
    stack = Stack(Setting(shape, init="data-dependent"), members, Compute())
    stack.scale_to(windows)
    return stack


@pytest.fixture
def windows() -> torch.Tensor:
    """One batch for each member; few bytes are common, as in text."""
    generator = torch.Generator().manual_seed(0)
    return (torch.rand(len(MEMBERS), 8, CONTEXT + 1, generator=generator) ** 4 * 256).long()


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "universal"])
def test_products_have_the_size_they_are_given(
    architecture: Architecture, windows: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = scaled(architecture, MEMBERS, windows)
    weights = stack.layout.views(stack.rows)
    names = {weights[w.name].data_ptr(): w.name for w in stack.layout.weights if w.role in ("matrix", "last")}
    sizes: dict[str, torch.Tensor] = {}
    bmm, baddbmm = torch.bmm, torch.baddbmm

    def measure(x: torch.Tensor, weight: torch.Tensor) -> None:
        if weight.data_ptr() in names:
            sizes.setdefault(names[weight.data_ptr()], bmm(x, weight).std(dim=(1, 2)))

    def measured(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        measure(x, weight)
        return bmm(x, weight)

    def measured_sum(stream: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, **scales: float) -> torch.Tensor:
        measure(x, weight)
        return baddbmm(stream, x, weight, **scales)

    monkeypatch.setattr(torch, "bmm", measured)
    monkeypatch.setattr(torch, "baddbmm", measured_sum)
    stack.model.logits(weights, windows[..., :-1], stack.compute)
    assert set(sizes) == set(names.values())
    for name, size in sizes.items():
        writes = name.endswith(("attention_out", "down"))
        assert torch.allclose(size, torch.full((3,), (2 * DEPTH) ** -0.5 if writes else 1.0), rtol=1e-3), name


def test_a_member_is_scaled_by_its_own_batch_alone(windows: torch.Tensor) -> None:
    whole = scaled("llama", MEMBERS, windows)
    for k, member in enumerate(MEMBERS):
        assert torch.equal(scaled("llama", [member], windows[k : k + 1]).rows[0], whole.rows[k])


def test_it_is_refused_for_an_lstm(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(
        'name = "x"\nflops = [1e10]\nsizes = [{ width = 16, depth = 1 }]\n'
        '[training]\narchitecture = "lstm"\ninit = "data-dependent"\n'
    )
    with pytest.raises(StudyError, match="data-dependent is for transformers"):
        load_study(tmp_path / "study.toml")
