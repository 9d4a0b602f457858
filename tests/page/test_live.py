"""A real suite is trained while the page watches it, is stopped from there, and goes on from there."""

import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import STUDY, Tab, serious

pytest.importorskip("torch", reason="needs the train extra: pip install 'scalewise[train]'")
pytestmark = [pytest.mark.slow, pytest.mark.train]


@pytest.fixture(scope="module")
def training(folder: Path) -> Iterator[Path]:
    """A suite that is being trained into the served folder."""
    sources = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))[:30]
    text = "".join(path.read_text(encoding="utf-8", errors="replace") for path in sources)
    (folder / "text.txt").write_text(text, encoding="utf-8")
    study = folder / "tiny.toml"
    study.write_text(STUDY.replace('"text.txt"', f'"{folder / "text.txt"}"'))
    store = folder / "tiny"
    words = [sys.executable, "-m", "scalewise", "train", str(study), "--into", str(store), "--workers", "1"]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        yield store
        process.terminate()


def test_watching_stopping_and_going_on(training: Path, tab: Tab) -> None:
    page = tab.page
    page.wait_for_function(
        "async () => (await (await fetch('/')).text()).includes('Watch the training')", polling=500, timeout=60_000
    )
    page.goto(tab.base)
    page.click("text=Watch the training")
    page.wait_for_selector("#curves svg .mark-line path")
    page.wait_for_function("() => Number.parseInt(document.getElementById('ended').textContent) >= 1")
    assert "flops" in page.inner_text("#cost")
    assert tab.fits()
    assert serious(page) == []
    if page.is_enabled("#stop"):  # the suite may have ended by itself
        page.click("#stop")
    page.wait_for_function("() => document.getElementById('state').textContent === 'not training'")
    ended = int(page.inner_text("#ended").split(",")[0])
    page.wait_for_selector("#resume:enabled")
    page.click("#resume")
    page.wait_for_function(
        "() => document.getElementById('stop').disabled && document.getElementById('share').value === 1"
    )
    assert int(page.inner_text("#ended").split(",")[0]) >= ended
    page.reload()
    page.wait_for_selector("#sizes tr:nth-child(3)")
    assert "bracketed" in page.inner_text("#sizes")
    page.click("text=Ask of the runs that have ended")
    page.wait_for_selector('#answer[aria-busy="false"] .answer')
