"""The report as it is opened from disk: without a network, without scripts, on paper."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import scalewise as sw

from .conftest import WIDTHS, Tab, serious

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    sw.ask("model-size", "smol", resamples=50).to_html(path)
    return path


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_asks_for_nothing_and_is_accessible(browser: "Browser", report: Path, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    tab = Tab(context, report.as_uri())
    requests: list[str] = []
    tab.page.on("request", lambda request: requests.append(request.url))
    tab.page.goto(report.as_uri())
    tab.page.wait_for_selector(".drawing.vega-embed svg")
    tab.page.wait_for_timeout(500)
    assert requests == [report.as_uri()]
    assert tab.faults == []
    assert tab.fits()
    assert serious(tab.page) == []
    tab.page.click(".warnings a >> nth=0")
    assert "Why it matters" in tab.page.inner_text("details.why[open]")
    context.close()


def test_it_is_readable_without_scripts(browser: "Browser", report: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.locator(".drawing > svg").count() == 3
    assert page.locator(".controls").count() == 0
    page.click("summary:has-text('The numbers in this figure') >> nth=0")
    assert page.locator("details.numbers[open] table").first.is_visible()
    context.close()


def test_it_prints_on_a4_with_every_table(browser: "Browser", report: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(report.as_uri())
    page.wait_for_selector(".drawing.vega-embed svg")
    printed = page.pdf(prefer_css_page_size=True)
    assert printed.startswith(b"%PDF-")
    assert b"/MediaBox [0 0 594" in printed or b"/MediaBox [0 0 595" in printed
    page.emulate_media(media="print")
    assert not page.locator(".controls").first.is_visible()
    context.close()
