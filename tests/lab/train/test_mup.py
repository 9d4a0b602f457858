"""muP's promise (Yang et al. 2022, arXiv 2203.03466, section 4): what a step does does not grow with the width."""

import numpy as np
import pytest
import torch

from scalewise.lab.compute import Compute
from scalewise.lab.recipe import Parametrization
from scalewise.lab.stack import Member, Setting, Stack
from scalewise.runs.flops import TransformerShape

STEPS, RATE = 5, 2.0**-6


def moved(width: int, parametrization: Parametrization) -> float:
    """How far the logits of a model move in a few steps at one rate, root mean square."""
    shape = TransformerShape(width, 2, max(1, width // 32), 8 * ((width + 2) // 3), 256, 32)
    stack = Stack(Setting(shape, parametrization=parametrization), [Member(RATE, seed=0)], Compute())
    text = np.random.default_rng(0).integers(0, 256, (STEPS, 1, 4, 33))
    for step in range(STEPS):
        stack.step(torch.from_numpy(text[step]), 1.0)
    weights = stack.layout.views(stack.rows)
    with torch.no_grad():
        logits = stack.model.logits(weights, torch.from_numpy(text[0][..., :-1]), Compute())
    return float(logits.pow(2).mean().sqrt())  # they began at zero


def test_steps_are_as_long_at_every_width() -> None:
    standard, mup = ([moved(width, kind) for width in (64, 512)] for kind in ("standard", "mup"))
    assert mup[0] == pytest.approx(standard[0])  # the width at which both are the same
    assert standard[1] > 4 * standard[0]
    assert 0.5 < mup[1] / mup[0] < 2
