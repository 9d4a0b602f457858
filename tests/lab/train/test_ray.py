"""A study on a real Ray cluster of two nodes, one of which is killed while it trains there."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install 'scalewise[train]'")
pytest.importorskip("ray", reason="needs the cluster extra: pip install 'scalewise[cluster]'")

from tests.lab.train.test_nothing_lost import STUDY, numbers  # noqa: E402

from scalewise.errors import StudyError  # noqa: E402
from scalewise.lab.places.ray import _probe  # noqa: E402
from scalewise.runs.store import Store  # noqa: E402

pytestmark = [pytest.mark.train, pytest.mark.slow]
STDLIB = STUDY.replace('corpus = "text"', 'corpus = "stdlib"').replace("[5e8, 1e9]", "[1e9, 2e9]")
Node = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def address() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """Starts nodes of one core each, and ends them. What a probe has found is known to all of them."""
    sessions = Path(tempfile.mkdtemp(dir="/tmp"))  # Ray's sockets need a short path
    nodes = []

    def start_node(*options: str) -> "subprocess.Popen[bytes]":
        command = ["ray", "start", "--block", "--num-cpus=1", "--object-store-memory=80000000", *options]
        command += ["--disable-usage-stats"]
        if "--head" in options:
            command += ["--include-dashboard=false", f"--temp-dir={sessions}"]
        own = with_cache(tmp_path) | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        process = subprocess.Popen(command, env=own, stdout=subprocess.DEVNULL, start_new_session=True)
        nodes.append(process)
        return process

    yield start_node
    for process in reversed(nodes):
        end(process)
    shutil.rmtree(sessions, ignore_errors=True)


def end(node: "subprocess.Popen[bytes]") -> None:
    """As when its machine loses power."""
    if node.poll() is None:
        os.killpg(node.pid, signal.SIGKILL)
    node.wait()


def train(folder: Path, into: str, *options: str, **environment: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "scalewise", "train", "study.toml", "--into", into, *options]
    return subprocess.Popen(command, cwd=folder, env=with_cache(folder) | environment, stderr=subprocess.DEVNULL)


def with_cache(folder: Path) -> dict[str, str]:
    return os.environ | {"XDG_CACHE_HOME": str(folder / "cache")}


def test_a_lost_node_changes_no_number(tmp_path: Path, address: str, node: Node) -> None:
    (tmp_path / "study.toml").write_text(STDLIB)
    node("--head", f"--port={address.rpartition(':')[2]}")
    wait_for_port(address)
    lost = node(f"--address={address}")
    wait_for_nodes(address, 2)
    assert train(tmp_path, "alone", "--workers=2").wait() == 0
    for attempt in range(5):  # on a busy machine one node may have done all before the other begins
        store = Store(tmp_path / f"cluster{attempt}")
        elsewhere = f"--checkpoints={(tmp_path / 'elsewhere').as_uri()}"
        process = train(tmp_path, store.path.name, "--on=ray", elsewhere, RAY_ADDRESS=address)
        while running(store) <= 5 and process.poll() is None:  # two stacks, so both nodes are at work
            time.sleep(0.05)
        if process.poll() is None:
            break
    end(lost)
    assert running(store)
    assert process.wait() == 0
    assert numbers(store) == numbers(Store(tmp_path / "alone"))
    assert all(run.state() == "finished" for run in store.runs())
    assert not (store.path / "trunks").exists()
    assert not list((tmp_path / "elsewhere").iterdir())


def running(store: Store) -> int:
    return sum(run.state() == "running" for run in store.runs()) if (store.path / "runs").is_dir() else 0


def wait_for_port(address: str) -> None:
    host, port = address.split(":")
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex((host, int(port))) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("Ray did not start")


def wait_for_nodes(address: str, number: int) -> None:
    """A node that joins late would find all work done by the other."""
    count = "import sys, ray; ray.init(sys.argv[1], logging_level='ERROR'); print(sum(n['Alive'] for n in ray.nodes()))"
    for _ in range(30):
        command = [sys.executable, "-c", count, address]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.stdout.strip() == str(number):
            return
        time.sleep(0.5)
    raise AssertionError(f"there are no {number} nodes: {done.stdout} {done.stderr}")


def test_an_address_where_no_ray_is(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(STDLIB)
    command = [sys.executable, "-m", "scalewise", "train", "study.toml", "--into", "out", "--on"]
    for place, address, sentence in (
        ("ray://127.0.0.1:9", "", "--on ray://127.0.0.1:9: Ray cannot be reached there"),
        ("ray", "127.0.0.1:9", "--on ray, RAY_ADDRESS=127.0.0.1:9: Ray cannot be reached there"),
        ("moon", "", "--on moon: no such place; give here, ray, ray://HOST:PORT, or torchrun."),
    ):
        done = subprocess.run(
            [*command, place],
            cwd=tmp_path,
            env=os.environ | {"RAY_ADDRESS": address},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,  # Ray itself would try for a quarter of an hour
        )
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1].startswith(f"scalewise: {sentence}")


@pytest.mark.skipif(torch.cuda.is_available(), reason="of a machine without a GPU")
def test_a_gpu_that_only_ray_sees(tmp_path: Path) -> None:
    """As on a node whose PyTorch is one for CPUs."""
    with pytest.raises(StudyError, match=r"^--device cuda: Ray counts a GPU on \S+, but PyTorch finds none there"):
        _probe(tmp_path, "cuda", "auto")
