"""The fixtures: small logs of one experiment, most written by the real tools (see fixtures/make.py)."""

import gzip
import shutil
from pathlib import Path
from types import ModuleType

import pytest
from tests.conftest import module_at

FIXTURES = Path(__file__).parent / "fixtures"


def laid_out(name: str, into: Path) -> Path:
    """A copy of a fixture's folder, databases unpacked."""
    folder = into / name
    shutil.copytree(FIXTURES / name, folder)
    for packed in folder.rglob("*.db.gz"):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    return folder


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every fixture in a folder of its own; not to be written to."""
    root = tmp_path_factory.mktemp("logs")
    for fixture in sorted(p for p in FIXTURES.iterdir() if p.is_dir() and not p.name.startswith("_")):
        laid_out(fixture.name, root)
    return root


@pytest.fixture(scope="session")
def experiment() -> ModuleType:
    """What the fixtures hold."""
    return module_at(FIXTURES / "experiment.py")
