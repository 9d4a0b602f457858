"""The page without a network: the application itself, behind its door."""

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="needs the web extra: pip install 'scalewise[web]'")

from starlette.testclient import TestClient

from scalewise.web.app import make_app
from scalewise.web.guard import Door
from scalewise.web.shelf import Shelf

PORT = 8123


@pytest.fixture(scope="session")
def door() -> Door:
    return Door(PORT)


@pytest.fixture(scope="session")
def running(door: Door, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """One page for all tests, since its workers take seconds to start; no cookie, no token."""
    shelf = Shelf(tmp_path_factory.mktemp("shelf"), None, lasting=False)
    with TestClient(make_app(shelf, door, 1), f"http://127.0.0.1:{PORT}", follow_redirects=False) as client:
        yield client


@pytest.fixture
def page(running: TestClient, door: Door) -> Iterator[TestClient]:
    """The page as its own scripts reach it: with the token's cookie and its own Origin."""
    running.cookies.set(door.cookie, door.token)
    running.headers["origin"] = f"http://127.0.0.1:{PORT}"
    yield running
    running.cookies.clear()
    del running.headers["origin"]


@pytest.fixture
def table(tmp_path: Path) -> str:
    """A small fair table: four sizes at three amounts of compute, two seeds."""
    rows = ["run,params,flops,seed,loss"]
    for n in (1e6, 3e6, 1e7, 3e7):
        for c in (1e15, 1e16, 1e17):
            for seed in (0, 1):
                loss = 1.7 + 400 / n**0.35 + 1500 / (c / (6 * n)) ** 0.38 + 0.002 * seed
                rows.append(f"r{n:g}-{c:g}-{seed},{n:g},{c:g},{seed},{loss:.5f}")
    return "\n".join(rows)
