"""The probe: what a machine does best, whatever else it does meanwhile."""

import time

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install 'scalewise[train]'")

from scalewise.lab.compute import Compute  # noqa: E402
from scalewise.lab.probe import best_seconds  # noqa: E402

pytestmark = pytest.mark.train


def test_waiting_is_not_work() -> None:
    assert best_seconds(lambda: time.sleep(0.03), 1, Compute()) < 0.02
