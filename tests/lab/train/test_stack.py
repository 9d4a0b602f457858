"""The stack computes what its members would compute alone, and what a plain PyTorch loop computes."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install 'scalewise[train]'")

from tests.conftest import BENCH, module_at  # noqa: E402

from scalewise.lab.compute import Compute, Precision  # noqa: E402
from scalewise.lab.data.corpus import load_corpus  # noqa: E402
from scalewise.lab.declared import Size  # noqa: E402
from scalewise.lab.optimizers.adamw import AdamW  # noqa: E402
from scalewise.lab.optimizers.muon import orthogonal  # noqa: E402
from scalewise.lab.recipe import OptimizerName  # noqa: E402
from scalewise.lab.shapes import ARCHITECTURES, Architecture, Gpt2Shape  # noqa: E402
from scalewise.lab.stack import Member, Setting, Stack  # noqa: E402

pytestmark = pytest.mark.train
CONTEXT, BATCH, STEPS = 64, 4, 200
MEMBERS = [Member(2e-3, 0), Member(4e-3, 0, clip=0.5), Member(1e-3, 1), Member(8e-3, 2)]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def text() -> np.ndarray:
    return load_corpus("stdlib").train


def offsets(steps: int) -> np.ndarray:
    return np.random.default_rng(0).integers(1_000_000, size=(steps, BATCH))


def losses_of(stack: Stack, text: np.ndarray, steps: int) -> torch.Tensor:
    """(steps, K): every member reads the same windows."""
    losses = []
    for starts in offsets(steps):
        windows = torch.from_numpy(np.stack([text[i : i + CONTEXT + 1] for i in starts]))
        losses.append(stack.step(windows.expand(len(stack.members), -1, -1), 1.0))
    return torch.stack(losses)


def stack_of(architecture: Architecture, members: list[Member], compute: Compute, optimizer: OptimizerName) -> Stack:
    shape = Size(width=32, depth=2).shape(CONTEXT, architecture)
    return Stack(Setting(shape, optimizer=optimizer), members, compute)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_members_do_not_depend_on_their_companions(
    text: np.ndarray, architecture: Architecture, precision: Precision, optimizer: OptimizerName
) -> None:
    """Bit for bit on one thread of a CPU: in a stack of four, in one of two, alone, and after others have left."""
    compute = Compute(precision=precision)
    whole = stack_of(architecture, MEMBERS, compute, optimizer)
    losses = losses_of(whole, text, 8)
    for chosen in ([0], [3], [1, 2]):
        part = stack_of(architecture, [MEMBERS[k] for k in chosen], compute, optimizer)
        assert torch.equal(losses_of(part, text, 8), losses[:, chosen])
        assert torch.equal(part.rows, whole.rows[chosen])
    left = stack_of(architecture, MEMBERS, compute, optimizer)
    losses_of(left, text, 4)
    left.keep([1, 3])
    moved = stack_of(architecture, [MEMBERS[3]], compute, optimizer)
    moved.set_member_state(0, left.member_state(1))
    assert torch.equal(losses_of(moved, text, 4), losses_of(left, text, 4)[:, 1:])


@pytest.mark.slow
def test_losses_are_those_of_a_plain_loop(text: np.ndarray, tmp_path: Path) -> None:
    """200 steps of GPT-2: fp32 within 1e-4 of each loss, in either attention and whatever matrix kernels."""
    plain = module_at(BENCH / "peers" / "plain_gpt2.py")
    shape = Gpt2Shape(32, 2, 1, 128, 256, CONTEXT)
    setting = Setting(shape, init="gpt2")
    members = [Member(1e-3, 0), Member(2e-3, 1)]
    text.astype(np.uint16).tofile(tmp_path / "train.bin")
    stacks = {
        attention: Stack(setting, members, Compute(attention=attention, products=products))
        for attention, products in (("bmm", "highest"), ("sdpa", "medium"))
    }
    expected = []
    for k, member in enumerate(members):
        model = plain.PlainGpt2(32, 2, 1, 256, CONTEXT)
        views = stacks["bmm"].layout.views(stacks["bmm"].rows)
        model.load_stacked({name: weight[k] for name, weight in views.items()})
        loop = plain.PlainLoop(model, tmp_path / "train.bin", member.rate)
        expected.append([loop.step([int(i) for i in starts], CONTEXT) for starts in offsets(STEPS)])
    for stack in stacks.values():
        losses = losses_of(stack, text, STEPS).T
        assert torch.allclose(losses, torch.tensor(expected), rtol=1e-4, atol=0)
        assert float(losses[0, -1]) < float(losses[0, 0]) - 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_compiled_step_is_the_step(text: np.ndarray) -> None:
    """As a GPU takes it, here on the CPU; and when a member has left, which is another shape."""
    shape = Size(width=16, depth=1).shape(CONTEXT, "llama")
    plain, compiled = (
        Stack(Setting(shape), MEMBERS[:2], Compute(attention="sdpa", compiled=compiled)) for compiled in (False, True)
    )
    assert torch.allclose(losses_of(compiled, text, 20), losses_of(plain, text, 20), rtol=1e-4, atol=0)
    for stack in (plain, compiled):
        stack.keep([1])
    assert torch.allclose(losses_of(compiled, text, 3), losses_of(plain, text, 3), rtol=1e-4, atol=0)
    assert not Stack(Setting(Size(width=16, depth=1).shape(CONTEXT, "lstm")), MEMBERS[:1], compiled.compute).compiled


def test_rowwise_adamw_is_the_fused_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The update that a GPU uses, forced here, against the fused kernel of the CPU."""
    from scalewise.lab.optimizers import adamw

    layout = stack_of("gpt2", MEMBERS[:1], Compute(), "adamw").layout
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(3, layout.params, generator=generator)
    other, fused, blocks = rows.clone(), AdamW(layout, 3, 0.1, 0.99, "cpu"), AdamW(layout, 3, 0.1, 0.99, "cpu")
    for _ in range(5):
        grads = torch.randn(3, layout.params, generator=generator)
        fused.update(rows, grads, [1e-2, 1e-3, 1e-1], 0.5)
        monkeypatch.setattr(adamw, "ROW_BY_ROW_ON", "nowhere")
        blocks.update(other, grads, [1e-2, 1e-3, 1e-1], 0.5)
        monkeypatch.undo()
    assert torch.allclose(rows, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("size", [(32, 32), (16, 64), (64, 16)])
def test_muon_makes_singular_values_nearly_one(size: tuple[int, int]) -> None:
    matrices = torch.randn(3, *size, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonal(matrices))
    assert float(values.min()) > 0.3
    assert float(values.max()) < 1.3
