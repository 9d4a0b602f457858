"""A real browser and a real server. Without chromium, Playwright or axe-core the tests skip and say so."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
AXE = Path(sys.prefix) / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = (1280, 390)

STUDY = """
name = "tiny"
flops = [2e8, 4e8]
sizes = [{ width = 12, depth = 1 }, { width = 20, depth = 1 }, { width = 32, depth = 1 }]
[data]
corpus = "text.txt"
context = 32
held_out_windows = 16
[tuning]
rate_times_width = 0.25
seeds = [0, 1]
"""


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine (Debian: apt-get install chromium); the page is not opened")
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (pip install playwright)")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is served: empty at first."""
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """The address that `scalewise serve` prints, with its token."""
    pytest.importorskip("uvicorn", reason="needs the web extra: pip install 'scalewise[web]'")
    words = [sys.executable, "-m", "scalewise", "serve", str(folder), "--no-open", "--workers", "1"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None
        yield found[0]
        process.terminate()
        process.wait(timeout=20)


class Tab:
    """A browser tab, and everything that went wrong in it."""

    def __init__(self, context: "BrowserContext", address: str) -> None:
        self.page: Page = context.new_page()
        self.page.set_default_timeout(60_000)
        self.base = address.partition("/?")[0]
        self.faults: list[str] = []
        self.elsewhere: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda said: self.faults.append(said.text) if said.type == "error" else None)
        self.page.on("request", lambda request: self._note(request.url))

    def _note(self, url: str) -> None:
        if not url.startswith((self.base, "data:", "blob:", "file:")):
            self.elsewhere.append(url)

    def fits(self) -> bool:
        """Whether nothing sticks out sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


@pytest.fixture(params=WIDTHS)
def tab(request: pytest.FixtureRequest, browser: "Browser", address: str) -> Iterator[Tab]:
    """A tab that has come in by the printed address; at the end nothing has failed or called elsewhere."""
    context = browser.new_context(viewport={"width": request.param, "height": 900}, accept_downloads=True)
    opened = Tab(context, address)
    opened.page.goto(address)
    yield opened
    context.close()
    assert opened.faults == []
    assert opened.elsewhere == []


def serious(page: "Page") -> list[Any]:
    """Accessibility faults that axe-core calls serious or critical; a test without axe-core skips."""
    if not AXE.is_file():
        pytest.skip(f"axe-core is not installed (npm install --prefix {sys.prefix} axe-core)")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        (fault["id"], [node["html"][:160] for node in fault["nodes"]][:4])
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
    ]
