"""The documentation is true: what it shows is what the commands print, and what it links to is there."""

import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.in_process import scalewise

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
"""What examples call `data/`: public tables, whose pages in the documentation say where they are from."""
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
BLOCK = re.compile(r"```console\n(.*?)```", re.S)


def shown_commands() -> list[tuple[str, str, str]]:
    """(page, command, output) for every `$ scalewise ...` in a console block."""
    found = []
    for page in PAGES:
        for block in BLOCK.findall(page.read_text()):
            for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
                command, _, output = part.partition("\n")
                if command.startswith("scalewise ") and output.strip():
                    found.append((page.relative_to(ROOT).as_posix(), command, output))
    return found


def pattern(output: str) -> str:
    """The output as a pattern: a line `...` stands for any lines, white space at line ends does not count."""
    lines = [line.rstrip() for line in output.strip("\n").split("\n")]
    return "\n".join(r"(?:.*\n)*?.*" if line == "..." else re.escape(line) for line in lines)


@pytest.mark.parametrize(("page", "command", "output"), shown_commands())
def test_shown_output_is_real(page: str, command: str, output: str) -> None:
    if " data/" in command and not DATA.is_dir():
        pytest.skip("the public data sets (../shared/data) are not beside this checkout")
    printed = printed_by(command)
    assert re.match(pattern(output), printed), printed


@cache
def printed_by(command: str) -> str:
    run_in = DATA.parent if " data/" in command else ROOT
    done = scalewise(*shlex.split(command)[1:], folder=run_in, COLUMNS="110", NO_COLOR="1")
    return "\n".join(line.rstrip() for line in (done.stdout + done.stderr).split("\n"))


def test_the_readme_shows_real_output_for_both_questions() -> None:
    commands = " ".join(command for page, command, _ in shown_commands() if page == "README.md")
    assert "ask equal-compute smol" in commands
    assert "ask model-size smol" in commands


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda p: p.name)
def test_examples_run(example: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(example)], cwd=tmp_path, check=True, capture_output=True, timeout=120)


def test_every_command_is_documented() -> None:
    text = " ".join(page.read_text() for page in PAGES)
    for command in ("ask equal-compute", "ask model-size", "read", "report", "train"):
        assert f"scalewise {command}" in text


def test_the_embedded_suite_is_what_its_page_says() -> None:
    import polars as pl

    from scalewise.runs.embedded import EMBEDDED, provenance, read_embedded

    record, table = provenance("smol"), read_embedded("smol")
    page = (ROOT / "docs" / "embedded-suite.md").read_text()
    assert str(record["sha256"]) in page
    for number in (record["files"], record["train_bytes"], record["held_out_bytes"], record["runs"]):
        assert f"{number:,}" in page
    assert table.height == record["runs"]
    for name in EMBEDDED:
        files = ROOT / "src" / "scalewise" / "runs" / "embedded" / f"files_{provenance(name)['sha256'][:8]}.csv.gz"
        assert pl.read_csv(files).height == provenance(name)["files"]
