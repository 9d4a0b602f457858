"""Which GPU a worker of this machine has."""

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install 'scalewise[train]'")

from scalewise.lab.places.here import own_gpus  # noqa: E402

pytestmark = pytest.mark.train


def test_every_gpu_has_as_many_workers_as_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert own_gpus("cuda", 3) == [0, 1, 2]
    assert own_gpus("cuda", 7) == [0, 1, 2, 0, 1, 2, 0]
    assert own_gpus("cpu", 4) == []
