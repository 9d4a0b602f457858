"""The page as a person uses it, at the width of a desk and of a hand."""

import json
import re
from pathlib import Path

import polars as pl
import pytest

import scalewise as sw

from .conftest import Tab, serious

pytestmark = pytest.mark.slow
LOGS = Path(__file__).resolve().parents[1] / "runs" / "readers" / "fixtures"
DROP = """([name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name, { type: "text/csv" }));
  const dropped = new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
  document.getElementById("drop").dispatchEvent(dropped);
}"""


@pytest.fixture
def csv(known_world: pl.DataFrame) -> str:
    return known_world.write_csv()


def answered(tab: Tab) -> str:
    """Wait for the answer; its sentence."""
    tab.page.wait_for_selector('#answer[aria-busy="false"] .answer .drawing.vega-embed svg')
    return tab.page.inner_text("#answer .answer h2")


def open_options(tab: Tab) -> None:
    """They are folded away where they would stand before the answer on a narrow page."""
    if not tab.page.is_visible("[name='o.seed']"):
        tab.page.click("#options > summary")


def test_from_a_dropped_file_to_a_shared_answer(tab: Tab, csv: str, tmp_path: Path) -> None:
    page = tab.page
    page.evaluate(DROP, ["worlds.csv", csv])
    page.wait_for_url("**/tables/*")
    assert "90 rows" in page.inner_text("h1")
    assert tab.fits()
    assert serious(page) == []

    sentences = {}
    for question in ("equal-compute", "model-size", "audit"):
        page.goto(page.url.partition("/ask/")[0] + f"/ask/{question}") if "/ask/" in page.url else page.click(
            f"text={question}"
        )
        page.wait_for_selector('#answer[aria-busy="false"] .answer')
        sentences[question] = page.inner_text("#answer .answer h2")
        assert tab.fits()
        assert serious(page) == []
    (tmp_path / "worlds.csv").write_text(csv)
    assert sentences["model-size"] == sw.ask("model-size", str(tmp_path / "worlds.csv")).sentence

    page.go_back()
    assert answered(tab) == sentences["model-size"]
    open_options(tab)
    page.fill("[name='o.tolerance']", "0.02")
    page.keyboard.press("Enter")
    page.wait_for_function("s => !document.querySelector('#answer h2').innerText.includes(s)", arg="within 0.5 %")
    changed = answered(tab)
    assert "stay within 2 %" in changed
    assert "o.tolerance=0.02" in page.url
    page.reload()
    assert answered(tab) == changed

    with page.expect_download() as download:
        page.click("text=Share as HTML file")
    shared = tmp_path / "shared.html"
    download.value.save_as(shared)
    assert changed in shared.read_text()
    with page.expect_download() as download:
        page.click(".controls >> text=SVG >> nth=0")
    download.value.save_as(tmp_path / "figure.svg")
    assert (tmp_path / "figure.svg").read_text().startswith("<svg")
    with page.expect_download() as download:
        page.click(".controls >> text='PDF, one column' >> nth=0")
    download.value.save_as(tmp_path / "figure.pdf")
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF-")

    page.goto(tab.base)
    assert page.locator("ul.history li").count() >= 4
    assert serious(page) == []
    page.click("ul.history a >> nth=0")
    page.wait_for_selector(".answer .drawing.vega-embed svg")
    page.click("text=Compare with another")
    page.select_option("#b", index=1)
    page.click("button:has-text('Compare')")
    page.wait_for_selector(".beside > div:nth-child(2) .answer")
    assert page.locator(".beside .answer").count() == 2
    assert tab.fits()
    assert serious(page) == []


def test_a_dropped_folder_of_logs_is_read(tab: Tab) -> None:
    """As a person drops it from a file manager, folders inside and all."""
    page = tab.page
    box = page.locator("#drop").bounding_box()
    assert box is not None
    chromium = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(LOGS / "trainer")], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        chromium.send("Input.dispatchDragEvent", {"type": kind, "x": box["x"] + 20, "y": box["y"] + 20, "data": data})
    page.wait_for_url("**/tables/*")
    assert "12 rows, 3 runs, 3 sizes" in page.inner_text("h1")
    assert "params are counted in the header of model.safetensors" in page.inner_text(".reading")
    assert tab.fits()
    page.goto(tab.base)
    page.set_input_files("#folder", str(LOGS / "nanogpt"))
    page.wait_for_url("**/tables/*")
    assert "12 rows, 3 runs, 3 sizes" in page.inner_text("h1")


def test_a_wrong_option_is_told_in_place_and_the_page_goes_on(tab: Tab) -> None:
    page = tab.page
    page.goto(f"{tab.base}/tables/smol/ask/model-size?o.tolerance=5")
    page.wait_for_selector("#answer .wrong")
    assert "for 5 per cent write 0.05" in page.inner_text("#answer")
    tab.faults.clear()  # the browser logs the refused request itself
    page.fill("[name='o.tolerance']", "0.05")
    page.keyboard.press("Tab")
    assert "within 5 %" in answered(tab)


def test_the_keyboard_is_enough(tab: Tab) -> None:
    page = tab.page
    page.goto(f"{tab.base}/tables/smol/ask/equal-compute")
    answered(tab)
    page.focus("#which")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "linear":
            break
    page.keyboard.press("Enter")
    pressed = page.locator(".controls button[aria-pressed='true']").first.inner_text()
    assert pressed == "linear"

    def drawn() -> int:
        return page.locator(".drawing >> nth=0").locator(".mark-line path").count()

    page.wait_for_timeout(800)
    before = drawn()
    page.locator(".lines summary").first.press("Enter")
    line = page.locator(".lines button").first
    line.press("Enter")
    assert line.get_attribute("aria-pressed") == "false"
    page.wait_for_timeout(800)
    assert drawn() == before - 1
    line.press("Enter")
    page.wait_for_timeout(800)
    assert drawn() == before


def test_a_brush_sets_points_aside_and_says_so(tab: Tab) -> None:
    page = tab.page
    page.goto(f"{tab.base}/tables/smol/ask/equal-compute")
    answered(tab)
    page.click("button:has-text('log') >> nth=0")
    page.click("button:has-text('set points aside') >> nth=0")
    page.wait_for_timeout(800)
    page.locator(".drawing svg").first.scroll_into_view_if_needed()
    box = page.locator(".drawing svg").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.5, steps=6)
    page.mouse.up()
    note = page.locator(".excluded").first
    note.wait_for(timeout=10_000)
    assert re.match(r"\d+ points? (is|are) set aside by hand", note.inner_text())
    page.click("button:has-text('all points') >> nth=0")
    note.wait_for(state="hidden")


def test_hostile_names_stay_text(tab: Tab, csv: str) -> None:
    page = tab.page
    lines = csv.replace("r1,", "<img src=x onerror=alert(1)>,").replace("loss", "<script>alert(1)</script>")
    page.on("dialog", lambda dialog: tab.faults.append(dialog.message))
    page.evaluate(DROP, ["hostile.csv", lines])
    page.wait_for_url("**/tables/*")
    page.goto(f"{page.url}/ask/audit?{'c.loss=' + '%3Cscript%3Ealert(1)%3C%2Fscript%3E'}")
    page.wait_for_selector('#answer[aria-busy="false"] .answer')
    assert page.locator("main img, main script:not(.spec)").count() == 0
    assert json.loads(page.evaluate("JSON.stringify(document.title)")).startswith("scalewise")
