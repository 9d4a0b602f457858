"""The report as it is opened from disk: without a network, without scripts, on paper."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import scalewise as sw
from scalewise.questions.answer import Chart, Row

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


def test_a_legend_is_whole_on_a_phone(browser: "Browser", tmp_path: Path) -> None:
    names = [f"a model with a long name {i}" for i in range(5)]
    points: list[Row] = [{"x": x, "y": 1.0 / x, "label": name} for name in names for x in (1.0, 2.0)]
    layers = {"axes": [{"x": "tokens", "y": "loss"}], "points": points, "curves": points, "levels": []}
    answer = sw.ask("equal-compute", "recipe-flip", resamples=20)
    replace(answer, charts=(*answer.charts, Chart("outcome_curves", "Made", "made", layers))).to_html(
        tmp_path / "a.html"
    )
    context = browser.new_context(viewport={"width": WIDTHS[1], "height": 900})
    page = context.new_page()
    page.goto((tmp_path / "a.html").as_uri())
    page.wait_for_selector(".drawing.vega-embed svg >> nth=1")
    for number, entries in ((0, 6), (1, 5)):
        drawing = page.locator(".drawing.vega-embed > svg").nth(number)
        texts = drawing.locator(".role-legend-label text")
        edge = drawing.bounding_box()
        assert edge is not None
        assert texts.count() == entries
        for text in texts.all():
            box = text.bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= edge["x"] + edge["width"]
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
