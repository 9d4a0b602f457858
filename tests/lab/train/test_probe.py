"""The probe: what a machine does best, whatever else it does meanwhile."""

import time

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install 'scalewise[train]'")

from scalewise.lab import stack  # noqa: E402
from scalewise.lab.compute import Compute  # noqa: E402
from scalewise.lab.probe import best_seconds, worth_compiling  # noqa: E402
from scalewise.lab.shapes import Gpt2Shape  # noqa: E402
from scalewise.lab.stack import Setting  # noqa: E402

pytestmark = pytest.mark.train


def test_what_cannot_be_compiled_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_triton(losses: object) -> None:
        raise RuntimeError("Cannot find a working triton installation.")

    monkeypatch.setattr(stack, "_compiled", without_triton)
    assert not worth_compiling(Setting(Gpt2Shape(16, 1, 1, 64, 256, 32)), Compute())


def test_waiting_is_not_work() -> None:
    assert best_seconds(lambda: time.sleep(0.03), 1, Compute()) < 0.02
