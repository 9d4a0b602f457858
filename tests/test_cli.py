"""The commands, run as a person runs them: output, exit status, and one sentence for every slip.

Slips and help are asked of them in this process.
"""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from tests import in_process


def scalewise(*words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scalewise", *words],
        capture_output=True,
        text=True,
        input=stdin,
        timeout=120,
        check=False,
    )


@pytest.fixture
def table(known_world: pl.DataFrame, tmp_path: Path) -> str:
    known_world.write_csv(tmp_path / "runs.csv")
    return str(tmp_path / "runs.csv")


def test_an_answer_on_the_terminal(table: str) -> None:
    done = scalewise("ask", "model-size", table, "--flops", "1e20", "--serve-tokens", "1e12")
    assert done.returncode == 0
    assert done.stdout.startswith("At 1e20 flops the best size is")
    assert "half the compute-optimal size is within 0.5 %" in " ".join(done.stdout.split())
    assert "again: scalewise ask model-size" in done.stdout
    assert done.stderr == ""


def test_the_same_answer_as_json(table: str) -> None:
    done = scalewise("ask", "model-size", table, "--flops", "1e20", "--json")
    answer = json.loads(done.stdout)
    assert answer["question"] == "model-size"
    assert answer["repeat"]["command"] == f"scalewise ask model-size {table} --flops 1e20"


def test_cannot_tell_has_its_own_status(tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    path.write_text("params,flops,seed,loss\n1e7,1e18,0,3.0\n1e7,1e18,1,3.1\n2e7,1e18,0,3.1\n2e7,1e18,1,3.0\n")
    done = scalewise("ask", "equal-compute", str(path))
    assert done.returncode == 3
    assert "the data cannot tell" in done.stdout


def test_standard_input(known_world: pl.DataFrame) -> None:
    done = scalewise("ask", "equal-compute", "-", stdin=known_world.write_csv())
    assert done.returncode == 0
    assert "has the lowest loss" in done.stdout


def test_ctrl_c_is_one_sentence(tmp_path: Path) -> None:
    """Interrupted once it waits for more of its standard input, which it has begun to read."""
    words = [sys.executable, "-m", "scalewise", "read", "-", "--into", str(tmp_path / "table")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as reading:
        assert reading.stdin is not None
        assert reading.stderr is not None
        reading.stdin.write(b"params,loss\n" + b"1e6,3.0\n" * 2**17)  # a pipe holds less: some of it has been read
        reading.stdin.flush()
        time.sleep(0.5)  # it has come to wait for the rest
        reading.send_signal(signal.SIGINT)
        said = reading.stderr.read().decode()
    assert reading.returncode == 130
    assert said.startswith("scalewise: interrupted;")
    assert said.count("\n") == 1
    assert not (tmp_path / "table").exists()


def test_html_and_figures_beside_the_text(table: str, tmp_path: Path) -> None:
    page, figures = tmp_path / "new" / "page.html", tmp_path / "figures"
    done = scalewise("ask", "equal-compute", table, "--html", str(page), "--save-figures", str(figures))
    assert done.returncode == 0
    assert page.exists()
    assert {p.suffix for p in figures.iterdir()} == {".svg", ".pdf", ".png"}
    done = scalewise("ask", "equal-compute", table, "--save-figures", str(figures), "--figure-width", "33")
    assert (done.returncode, done.stdout) == (2, "")  # told before the question is asked
    assert "must be 2 to 20 inches" in done.stderr


def test_read_saves_a_tidy_table(tmp_path: Path) -> None:
    (tmp_path / "raw.csv").write_text("N,D,final_loss\n1e6,1e8,3.0\n")
    done = scalewise("read", str(tmp_path / "raw.csv"), "--save", str(tmp_path / "tidy.parquet"))
    assert done.returncode == 0
    assert "params (trainable parameters) is column 'N'" in done.stdout
    assert pl.read_parquet(tmp_path / "tidy.parquet")["flops"].to_list() == [6e14]


BAD = [
    (("ask", "model-size", "absent.csv"), "absent.csv: there is no such file"),
    (("ask", "model-size", "{table}", "--tolerance", "0.5"), "for 0.5 per cent write 0.005"),
    (("ask", "model-size", "{table}", "--flops", "0"), "must be a number from"),
    (("ask", "equal-compute", "{table}", "--at", "-1"), "greater than 0"),
    (("ask", "equal-compute", "{table}", "--column", "params"), "write OURS=THEIRS"),
    (("ask", "equal-compute", "{table}", "--column", "parms=params"), "did you mean 'params'"),
    (("ask", "equal-compute", "{table}", "--compute", "gpu_hours"), "needs a column 'gpu_hours'"),
    (("read", "{table}", "--save", "{folder}/tidy.xlsx"), "saved as .csv or .parquet"),
    (("train", "absent.toml", "--into", "{folder}/into"), "no such study file"),
    (("ask", "model-size", "{table}", "--flops", "lots"), "Invalid value for '--flops'"),
    (("ask", "model-siz", "{table}"), "did you mean 'model-size'?"),
    (("ask", "model-size", "{table}", "--html", "{folder}"), "is not a regular file"),
    (("ask", "model-size", "{table}", "--html", "/dev/null"), "is not a regular file"),
    (("read", "{table}", "--save", "{table}/tidy.csv"), "is not a folder that may be written to"),
    (("read", "{table}", "--column", "params=tokens", "--column", "flops=tokens"), "cannot be two of our columns"),
]


@pytest.mark.parametrize(("words", "sentence"), BAD, ids=[" ".join(b[0][-2:]) for b in BAD])
def test_slips_get_one_sentence_and_status_2(table: str, tmp_path: Path, words: tuple[str, ...], sentence: str) -> None:
    before = sorted(p.name for p in tmp_path.iterdir())
    done = in_process.scalewise(*(word.format(table=table, folder=tmp_path) for word in words))
    assert done.returncode == 2
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert sorted(p.name for p in tmp_path.iterdir()) == before


COMMANDS = [(), ("ask",), ("ask", "model-size"), ("ask", "equal-compute"), ("read",), ("report",), ("train",)]


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_has_help_with_an_example(words: tuple[str, ...]) -> None:
    done = in_process.scalewise(*words, "--help")
    assert done.returncode == 0
    assert "Usage:" in done.stdout
    if words not in ((), ("ask",)):
        assert "Example: scalewise" in done.stdout


def test_one_question_that_cannot_be_asked_does_not_stop_a_report(known_world: pl.DataFrame, tmp_path: Path) -> None:
    two = known_world.filter(pl.col("params").is_in(known_world["params"].unique().sort().head(2).implode()))
    two.with_columns(pl.col("loss") * 0 + 3 + pl.col("seed") * 0.01).filter(pl.col("flops") < 2e18).write_csv(
        tmp_path / "two.csv"
    )
    done = scalewise("report", str(tmp_path / "two.csv"), "--into", str(tmp_path / "page.html"))
    assert done.returncode == 0
    assert "model-size was not asked" in done.stderr
    assert (tmp_path / "page.html").exists()


def test_a_misspelt_question_is_found_before_the_training(tmp_path: Path) -> None:
    study = 'name = "a"\nflops = [1e9]\nsizes = [{ width = 12, depth = 1 }]\n[[questions]]\nask = "model-syze"\n'
    (tmp_path / "study.toml").write_text(study)
    done = scalewise("train", str(tmp_path / "study.toml"), "--into", str(tmp_path / "into"))
    assert done.returncode == 2
    assert "did you mean 'model-size'" in done.stderr
    assert not (tmp_path / "into").exists()


def test_the_version() -> None:
    import scalewise as sw

    assert scalewise("--version").stdout.strip() == sw.__version__


@pytest.fixture
def line(tmp_path: Path) -> str:
    """Accuracy that is linear in params, at log-spaced sizes."""
    path = tmp_path / "line.csv"
    sizes = [1e6, 3e6, 1e7, 3e7, 1e8, 2e8, 4e8, 6e8, 8e8, 1e9]
    wobble = [1, -2, 1, 2, -1, -2, 1, 3, -2, 1]
    rows = [f"{n:.0f},{0.05 + 0.8e-9 * n + 0.001 * w:.5f}" for n, w in zip(sizes, wobble, strict=True)]
    path.write_text("\n".join(["params,accuracy", *rows]) + "\n")
    return str(path)


def test_laws_are_compared(line: str) -> None:
    done = scalewise("compare", line, "--y", "accuracy", "--simulations", "60")
    assert done.returncode == 0
    assert done.stdout.startswith("Of these families only linear is not rejected by a rival.")


def test_a_comparison_as_json(line: str) -> None:
    done = scalewise("compare", line, "--y", "accuracy", "--simulations", "60", "--json", "--family", "linear",
                     "--family", "logarithm")  # fmt: skip
    found = json.loads(done.stdout)
    assert found["survivors"] == ["linear"]
    assert found["pairs"][0]["preferred"] == "linear"


def test_slips_in_a_comparison_are_one_sentence(line: str) -> None:
    for words, why in (
        (("--y", "acuracy"), "no column 'acuracy' (did you mean 'accuracy'?)"),
        (("--y", "accuracy", "--family", "liner"), "no family 'liner' (did you mean 'linear'?)"),
        (("--y", "run"), "not numbers"),
        (("--y", "accuracy", "--simulations", "3"), "simulations"),
    ):
        done = in_process.scalewise("compare", line, *words)
        assert done.returncode == 2
        assert why in done.stderr
        assert done.stderr.count("\n") == 1


def test_logs_become_a_table_that_questions_take(tmp_path: Path) -> None:
    """Two logs of sizes that only their names say: read, listed, exported."""
    for width in (16, 32):
        text = "".join(f"step {s}: train loss {4 - s / 20:.1f}, val loss {4.1 - s / 20:.1f}\n" for s in (10, 20))
        (tmp_path / f"p={width}M.log").write_text(text)
    folder = str(tmp_path / "table")
    pattern = ("--from-name", "p={params:size}")
    done = scalewise("read", str(tmp_path / "*.log"), "--into", folder, *pattern)
    assert done.returncode == 0, done.stderr
    assert "2 of nanoGPT log" in done.stdout
    assert "params are from the names of 2 runs" in done.stdout
    listed = scalewise("runs", folder, "--sort", "loss", "--json")
    assert [json.loads(line)["params"] for line in listed.stdout.splitlines()] == [16e6, 32e6]
    exported = scalewise("export", folder, "--to", "csv", "--into", str(tmp_path / "out.csv"))
    assert exported.stdout == f"wrote {tmp_path / 'out.csv'}: 4 rows\n"
    assert pl.read_csv(tmp_path / "out.csv")["loss"].min() == 3.1
    slip = scalewise("export", folder, "--to", "cvs")
    assert slip.returncode == 2
    assert slip.stderr.startswith("scalewise: --to cvs: give csv, parquet, jsonl, wandb-names; or a new folder, where")
