"""The architectures: parameters and operations are counted as the models have them; attention looks back only."""

from collections.abc import Callable

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install 'scalewise[train]'")

from scalewise.lab.compute import Attention, Compute  # noqa: E402
from scalewise.lab.declared import Size  # noqa: E402
from scalewise.lab.models import attention, llama, model_of, parts  # noqa: E402
from scalewise.lab.models.layout import Layout  # noqa: E402
from scalewise.lab.recipe import Init  # noqa: E402
from scalewise.lab.shapes import ARCHITECTURES, Architecture  # noqa: E402
from scalewise.lab.stack import Member, Setting, Stack  # noqa: E402

pytestmark = pytest.mark.train
CONTEXT = 32
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(("width", "depth"), [(12, 1), (48, 3), (128, 5)])
def test_params_are_counted_as_the_model_has_them(architecture: Architecture, width: int, depth: int) -> None:
    shape = Size(width=width, depth=depth).shape(CONTEXT, architecture)
    layout = Layout(model_of(shape).weights("fan-in"))
    assert shape.params == layout.params
    outside = sum(w.numel for w in layout.weights if w.role in ("embedding", "last"))
    assert shape.params_no_embed == shape.params - outside


@pytest.mark.parametrize("architecture", [a for a in ARCHITECTURES if a != "lstm"])
def test_flops_are_counted_as_pytorch_counts_them(architecture: Architecture, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch's own counter over forward and backward, all matrices and attention; 6 and 12 are its factors too.

    Scores that the mask drops are counted, as is usual; here queries are one block, so that none is left out."""
    from torch.utils.flop_counter import FlopCounterMode, bmm_flop

    shape = Size(width=64, depth=3).shape(128, architecture)
    stack = Stack(Setting(shape), [Member(1e-3, 0), Member(1e-3, 1)], Compute())
    monkeypatch.setattr(attention, "BLOCK", 128)
    in_place = {torch.ops.aten.baddbmm_: lambda into, a, b, **_: bmm_flop(a, b)}
    with FlopCounterMode(display=False, custom_mapping=in_place) as counter:
        stack.step(torch.zeros(2, 2, 129, dtype=torch.long), 1.0)
    assert counter.get_total_flops() == pytest.approx(shape.flops_per_token * 2 * 256, rel=0.01)


def test_lstm_flops_are_eight_matrices_a_layer() -> None:
    """The counter does not see inside the fused kernel: 4 gates, each from input and state, 6 operations a weight."""
    shape = Size(width=10, depth=3).shape(128, "lstm")
    assert shape.flops_per_token == 6 * (3 * 8 * 10 * 10 + 256 * 10)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("attention", ["bmm", "sdpa"])
def test_models_look_back_only_and_places_matter(architecture: Architecture, attention: str) -> None:
    shape = Size(width=32, depth=2).shape(CONTEXT, architecture)
    model = model_of(shape)
    layout = Layout(model.weights("fan-in"))
    rows = torch.randn(1, layout.params, generator=torch.Generator().manual_seed(1)) * 0.3
    tokens = torch.randint(0, 256, (1, 1, CONTEXT), generator=torch.Generator().manual_seed(2))
    tokens[..., :2] = torch.tensor([7, 9])

    def logits(tokens: torch.Tensor) -> torch.Tensor:
        return model.logits(layout.views(rows), tokens, Compute(attention=attention))[0]

    changed, swapped = tokens.clone(), tokens.clone()
    changed[..., 10] = (changed[..., 10] + 1) % 256
    assert torch.allclose(logits(tokens)[:10], logits(changed)[:10], atol=1e-6)
    assert not torch.allclose(logits(tokens)[10:], logits(changed)[10:], atol=1e-2)
    swapped[..., :2] = torch.tensor([9, 7])
    assert not torch.allclose(logits(swapped)[-1], logits(tokens)[-1], atol=1e-6)


@pytest.mark.parametrize("architecture", ["llama", "universal", "lstm"])
def test_the_first_guess_is_uniform_with_fan_in(architecture: Architecture) -> None:
    stack = Stack(Setting(Size(width=32, depth=2).shape(CONTEXT, architecture)), [Member(1e-3, 0)], Compute())
    windows = torch.randint(0, 256, (4, CONTEXT + 1), generator=torch.Generator().manual_seed(0))
    assert float(stack.evaluate(windows)) == pytest.approx(5.545177, abs=1e-5)


@pytest.mark.parametrize("init", ["fan-in", "gpt2"])
def test_the_seed_fixes_every_weight_whatever_the_global_generator(init: Init) -> None:
    layout = Layout(model_of(Size(width=32, depth=2).shape(CONTEXT, "gpt2")).weights(init))
    torch.manual_seed(1)
    first = layout.initial_row(5)
    torch.manual_seed(2)
    assert torch.equal(first, layout.initial_row(5))
    assert not torch.equal(first, layout.initial_row(6))


def test_gpt2_begins_at_the_published_scales() -> None:
    layout = Layout(model_of(Size(width=64, depth=4).shape(CONTEXT, "gpt2")).weights("gpt2"))
    weights = layout.views(layout.initial_row(0)[None])
    assert float(weights["0.qkv"].std()) == pytest.approx(0.02, rel=0.05)
    assert float(weights["3.down"].std()) == pytest.approx(0.02 / 8**0.5, rel=0.05)
    assert torch.equal(weights["norm"], torch.ones(1, 64))


@pytest.mark.parametrize("context", [1, 40, 64, 100, 128])
def test_passes_written_by_hand_are_those_of_autograd(context: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attention in blocks, RMSNorm and the loss: values and gradients, Llama's rotation in it."""
    shape = Size(width=64, depth=1).shape(context, "llama")
    model = model_of(shape)
    layout = Layout(model.weights("data-dependent"))
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(2, layout.params, generator=generator) * 0.3
    tokens = torch.randint(0, 256, (2, 3, context), generator=generator)

    def losses_and_gradient(path: Attention, loss: Loss) -> tuple[torch.Tensor, torch.Tensor]:
        leaf = rows.clone().requires_grad_()
        logits = model.logits(layout.views(leaf), tokens, Compute(attention=path))
        losses = loss(logits, tokens.flatten(1))
        return losses.detach(), torch.autograd.grad(losses.sum(), leaf)[0]

    by_hand = losses_and_gradient("bmm", parts.token_losses)
    monkeypatch.setattr(llama, "rms_norm", plain_rms_norm)
    for own, expected in zip(by_hand, losses_and_gradient("sdpa", plain_losses), strict=True):
        assert torch.allclose(own, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


def plain_rms_norm(x: torch.Tensor, gain: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.rms_norm(x, x.shape[-1:], eps=1e-6) * gain.unsqueeze(1)


def plain_losses(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.cross_entropy(logits.mT, targets, reduction="none")
