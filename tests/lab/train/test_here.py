"""Which GPU a worker of this machine has, and how its errors reach who began it."""

import pickle

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install 'scalewise[train]'")

from scalewise.errors import MissingExtraError  # noqa: E402
from scalewise.lab.places.here import own_gpus  # noqa: E402

pytestmark = pytest.mark.train


def test_every_gpu_has_as_many_workers_as_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert own_gpus("cuda", 3) == [0, 1, 2]
    assert own_gpus("cuda", 7) == [0, 1, 2, 0, 1, 2, 0]
    assert own_gpus("cpu", 4) == []


def test_an_error_of_a_worker_is_the_same_in_another_process() -> None:
    error = MissingExtraError("fsspec", "cluster", "s3://bucket")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
