"""Reports: how numbers are written, figures as data, and an HTML file that stands alone."""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import polars as pl
import pytest

import scalewise as sw
from scalewise.laws.families import CHINCHILLA
from scalewise.questions import wording
from scalewise.questions.answer import Chart, Finding, Row
from scalewise.report.cells import of_one_group, shown
from scalewise.report.export import save_figures
from scalewise.report.figures import draw
from scalewise.report.figures.names import in_lines
from scalewise.report.html import scripts
from scalewise.report.paper import on_paper

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HOSTILE = "<script>document.title='owned'</script>"


@pytest.fixture
def answers(known_world: pl.DataFrame) -> list[sw.Answer]:
    return [sw.ask(question, known_world, resamples=20) for question in ("equal-compute", "model-size")]


@pytest.mark.parametrize(
    ("value", "text"),
    [(7908, "7.91k"), (6.7e9, "6.7B"), (999_600, "1M"), (1.5e12, "1.5T"), (12, "12"), (1e9, "1B"), (1234567, "1.23M")],
)
def test_counts_are_written_as_the_field_writes_them(value: float, text: str) -> None:
    assert wording.count(value) == text


def test_other_numbers() -> None:
    assert wording.flops(5.76e23) == "5.76e23"
    assert wording.flops(4e12) == "4e12"
    assert wording.times(12.402) == "12.4x"
    assert wording.probability(0.9999) == "> 99 %"
    assert wording.probability(0.0) == "< 1 %"
    assert wording.share(0.005) == "0.5 %"


def test_intervals_share_a_cell_and_set_the_decimals() -> None:
    finding = Finding("t", ("group", "params", "loss", "loss_low", "loss_high"), (("all", 1e6, 2.34567, 2.3, 2.4),))
    columns, rows = shown(finding, of_one_group([finding]))
    assert columns == ["params", "loss"]
    assert rows == [["1M", "2.346 [2.300, 2.400]"]]


def test_the_group_is_named_where_an_answer_is_about_several() -> None:
    """Even in a table in which all rows are of one: the winners, say, among the runs of two architectures."""
    winners = Finding("w", ("group", "loss"), (("lstm", 1.5), ("lstm", 1.6)))
    everyone = Finding("e", ("group", "loss"), (("lstm", 1.5), ("transformer", 1.7)))
    assert not of_one_group([winners, everyone])
    assert shown(winners)[0] == ["group", "loss"]


def test_every_chart_is_drawn_on_a_linear_and_a_log_axis(answers: list[sw.Answer]) -> None:
    charts = [chart for answer in answers for chart in answer.charts if chart.figure != "intervals"]
    for chart in charts:
        spec = draw(chart)
        scales = [view["layer"][0]["encoding"]["x"]["scale"]["type"] for view in spec["hconcat"]]
        assert scales == ["linear", "log"]
        assert len(spec["description"]) > 40
        assert json.loads(json.dumps(spec)) == spec


def test_curves_of_any_outcome_are_drawn_on_both_axes_with_their_bands() -> None:
    point: Row = {"x": 10.0, "y": 0.4, "label": "seen"}
    curve: list[Row] = [
        {"x": x, "y": x / 100, "low": x / 200, "high": x / 50, "label": "law"} for x in (1.0, 10.0, 90.0)
    ]
    layers: dict[str, list[Row]] = {
        "axes": [{"x": "params", "y": "accuracy"}],
        "points": [point],
        "curves": curve,
        "levels": [{"y": 0.5, "label": "human"}],
    }
    spec = draw(Chart("outcome_curves", "t", "Accuracy against params.", layers))
    for view, scale in zip(spec["hconcat"], ("linear", "log"), strict=True):
        area, line, points, level = (layer["mark"]["type"] for layer in view["layer"])
        assert (area, line, points, level) == ("area", "line", "point", "rule")
        assert view["layer"][1]["encoding"]["x"]["scale"]["type"] == scale
        assert view["layer"][1]["encoding"]["x"]["axis"]["title"] == "params"


def test_numbers_with_intervals_stand_below_each_other() -> None:
    rows: list[Row] = [
        {"label": "a", "value": 1.0, "low": 0.5, "high": 1.5},
        {"label": "b", "value": 2.0, "low": None, "high": None},
    ]
    layers: dict[str, list[Row]] = {"axes": [{"x": "effect"}], "rows": rows, "reference": [{"value": 0.0}]}
    reference, spans, dots = draw(Chart("intervals", "t", "Effects.", layers))["layer"]
    assert reference["data"]["values"] == [{"value": 0.0}]
    assert [row["label"] for row in spans["data"]["values"]] == ["a"]
    assert [row["label"] for row in dots["data"]["values"]] == ["a", "b"]
    assert dots["encoding"]["y"]["sort"] == ["a", "b"]


def test_figures_show_the_numbers_of_the_answer(answers: list[sw.Answer]) -> None:
    valley = next(chart for chart in answers[1].charts if chart.figure == "size_valley")
    best, small = answers[1].findings[0].rows
    assert [mark["params"] for mark in valley.layers["marks"]] == pytest.approx([best[1], small[1]])
    lowest = min(float(str(row["loss"])) for row in valley.layers["curve"])
    assert lowest == pytest.approx(float(str(best[10])), rel=1e-4)


def test_figures_are_saved_in_every_format(answers: list[sw.Answer], tmp_path: Path) -> None:
    """Exactly as wide as asked for on paper, in Computer Modern, whose letters the PDF holds."""
    for inches in (3.3, 6.8):
        svg, pdf, png = (path.read_bytes() for path in save_figures(answers[0], tmp_path / f"{inches}", width=inches))
        assert svg.startswith(b"<svg ")
        assert f'width="{inches}in"'.encode() in svg
        assert b'font-family="CMU Serif' in svg
        assert pdf.startswith(b"%PDF-")
        box = re.search(rb"/MediaBox ?\[0 0 ([\d.]+) ", pdf)
        assert box is not None
        assert float(box[1]) == pytest.approx(72 * inches, abs=0.01)
        assert set(re.findall(rb"/BaseFont ?/[A-Z]{6}[+]([\w-]+)", pdf)) == {b"CMUSerif-Roman"}
        assert b"/FontFile" in pdf
        assert png[:5] == b"\x89PNG\r"
        assert int.from_bytes(png[16:20], "big") == pytest.approx(300 * inches, abs=1)


def test_a_narrow_figure_stands_its_views_below_each_other(answers: list[sw.Answer]) -> None:
    spec = draw(answers[0].charts[0])
    assert [len(on_paper(spec, width).get("vconcat", ())) for width in (3.3, 6.8)] == [2, 0]
    assert len(spec["hconcat"]) == 2  # the figure on the screen stays as it was


def test_long_names_of_rows_go_on_in_the_next_line_and_leave_room_for_the_numbers() -> None:
    names = [
        "AdamW, cosine schedule to a tenth, weight decay 0.1 over Muon",
        "sgd_momentum_0.9_nesterov_lr3e-3_and_more",
    ]
    assert [line for name in names for line in in_lines(name, 30)] == [
        "AdamW, cosine schedule to a",
        "tenth, weight decay 0.1 over",
        "Muon",
        "sgd_momentum_0.9_nesterov_lr3e",
        "-3_and_more",
    ]
    rows: list[Row] = [{"label": name, "value": 1.0, "low": 0.5, "high": 1.5} for name in names]
    spec = draw(Chart("intervals", "t", "t", {"axes": [{"x": "advantage in loss (lower is better)"}], "rows": rows}))
    for inches in (2.0, 3.3, 6.8):
        assert on_paper(spec, inches)["width"] > 0.35 * 72 * inches


def test_figures_that_cannot_be_had_are_refused(answers: list[sw.Answer], tmp_path: Path) -> None:
    for options, said in (
        ({"formats": ("gif",)}, "cannot be saved as gif"),
        ({"width": 0.5}, "--figure-width 0.5: must be 2 to 20 inches"),
        ({"font": "No Such Font"}, "--figure-font No Such Font: no font of this name is installed"),
        ({"font": "x', serif"}, "no font of this name"),
    ):
        with pytest.raises(sw.ScalewiseError, match=re.escape(said)):
            answers[0].save_figures(tmp_path, **options)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
    assert answers[0].save_figures(tmp_path, ("svg",), font="Liberation Sans")  # comes with vl-convert


def test_json_and_back_without_loss(answers: list[sw.Answer], tmp_path: Path) -> None:
    for answer in answers:
        text = answer.to_json(tmp_path / "answer.json")
        assert sw.Answer.from_json(text) == answer
        assert json.loads((tmp_path / "answer.json").read_text())["question"] == answer.question


def test_terminal_html_and_json_say_the_same(answers: list[sw.Answer], tmp_path: Path) -> None:
    answer = answers[1]
    answer.to_html(tmp_path / "a.html")
    html, text = (tmp_path / "a.html").read_text(), " ".join(str(answer).split())
    assert answer.sentence in text
    assert answer.sentence in html
    for warning in answer.warnings:
        assert warning.code in text
        assert warning.code in html
    for finding in answer.findings:
        assert finding.title in html
        for row in shown(finding)[1]:
            assert all(cell in html for cell in row)


def test_the_file_stands_alone(answers: list[sw.Answer], tmp_path: Path) -> None:
    """Nothing is loaded from anywhere: no src, href, import or url() that leads out of the file."""
    answers[0].to_html(tmp_path / "a.html")
    html = (tmp_path / "a.html").read_text()
    assert len(html) < 700_000
    outside_script = re.sub(r"<script.*?</script>", "", html, flags=re.S)
    assert not re.search(r"""(src|href)\s*=\s*["'](?!#)""", outside_script)
    assert "url(http" not in html
    assert "@import" not in html
    assert outside_script.count("<svg") == 1  # readable without scripts


def test_the_script_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = scripts.__wrapped__()
    (kept,) = (tmp_path / "cache" / "scalewise").iterdir()
    kept.write_text("kept")
    assert scripts.__wrapped__().startswith("kept\n")
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/nowhere")
    assert scripts.__wrapped__() == made


def test_names_from_the_table_cannot_become_markup(known_world: pl.DataFrame, tmp_path: Path) -> None:
    hostile = known_world.with_columns(pl.Series("group", [HOSTILE, "b"] * (known_world.height // 2)))
    sw.ask("equal-compute", hostile, resamples=20).to_html(tmp_path / "a.html")
    html = (tmp_path / "a.html").read_text()
    assert HOSTILE not in html
    assert "&lt;script&gt;document.title" in html


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine; the page is not opened in a browser")
def test_a_browser_draws_the_interactive_figures(known_world: pl.DataFrame, tmp_path: Path) -> None:
    """The page as a person opens it, without a network: live figures replace still ones, and nothing hostile ran."""
    hostile = known_world.with_columns(pl.Series("group", [HOSTILE, "b"] * (known_world.height // 2)))
    sw.ask("equal-compute", hostile, resamples=20).to_html(tmp_path / "a.html")
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1280,2000",
        f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=20000", "--dump-dom",
        (tmp_path / "a.html").as_uri(),
    ]  # fmt: skip
    page = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert 'class="drawing vega-embed' in page
    assert "<title>scalewise: equal-compute</title>" in page


def test_a_notebook_shows_a_table_and_a_law(known_world: pl.DataFrame) -> None:
    runs = sw.read(known_world.with_columns(pl.lit(HOSTILE).alias("group")))
    shown = runs._repr_html_()
    assert "90 rows" in shown
    assert HOSTILE not in shown
    fit = sw.fit_law(CHINCHILLA, runs.table.select("params", "tokens").to_numpy(), runs.table["loss"], resamples=20)
    shown = fit._repr_html_()
    assert all(f"<td>{name}</td>" in shown for name in fit.parameters())
    assert "cannot" not in shown
    none = sw.fit_law(CHINCHILLA, [[1e6, 1e8]], [3.0], resamples=20)
    assert str(none.problem) in unescape(none._repr_html_())


def test_a_notebook_shows_the_answer(answers: list[sw.Answer]) -> None:
    fragment = answers[1]._repr_html_()
    assert answers[1].sentence in fragment
    assert "<svg" in fragment
    assert "<script" not in fragment
