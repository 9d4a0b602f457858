"""The battery as an Inspect task, evaluated by Inspect's own command against a real HTTP server; its log read back."""

import json
import os
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import numpy as np
import polars as pl
import pytest

pytest.importorskip("inspect_ai", reason="needs the inspect extra: pip install 'scalewise[inspect]'")
pytest.importorskip("openai", reason="Inspect asks OpenAI-compatible servers through the openai package")
pytest.importorskip("zstandard", reason="needs the inspect extra: pip install 'scalewise[inspect]'")

from scalewise.probes.dialogue import Asking, ask_all, conversations, load_scenarios
from scalewise.probes.dialogue.client import Endpoint
from scalewise.probes.dialogue.samples import read_samples
from scalewise.questions.consistency import consistency
from scalewise.runs.readers.archive import member

from .dialogue_server import Messages, serving

pytestmark = pytest.mark.slow
SOURCE = Path(__file__).parents[2] / "src"
TASKS = SOURCE / "scalewise" / "probes" / "dialogue" / "inspect_tasks.py"
CHOSEN = ("wording", "order", "pressure", "contradiction")
MODEL = "openai-api/planted/m"


def mind(messages: Messages, rng: np.random.Generator) -> str:
    """The same answer to the same conversation, whoever asks: by its length, and refusals now and then."""
    length = sum(len(message["content"]) for message in messages)
    return "I'm sorry, but I cannot say." if length % 13 == 0 else "Yes." if length % 3 else "No."


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The log of `inspect eval`, and the folder of our own answers, of the same server."""
    logs, own = tmp_path_factory.mktemp("logs"), tmp_path_factory.mktemp("own")
    with serving(mind) as server:
        options = ["--model", MODEL, "--epochs", "2", "--seed", "1", "--log-dir", str(logs), "--display", "none"]
        options += ["-T", f"transformation={','.join(CHOSEN)}", "-T", "most=5"]
        reached = {"PLANTED_BASE_URL": server.url, "PLANTED_API_KEY": "none", "PYTHONPATH": str(SOURCE)}
        command = [sys.executable, "-m", "inspect_ai", "eval", f"{TASKS.name}@dialogue", *options]
        done = subprocess.run(
            command,
            env=os.environ | reached,
            cwd=TASKS.parent,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        ask_all(conversations(load_scenarios()[:5], CHOSEN), Asking(Endpoint(server.url, MODEL), 2, own)).save(
            own / "trials.parquet"
        )
    return next(logs.glob("*.eval")), own / "trials.parquet"


def test_the_answer_is_that_of_asking_by_ourselves(evaluated: tuple[Path, Path]) -> None:
    from scalewise.runs.trials import read_trials

    samples = read_samples([evaluated[0]])
    assert (samples.guises, samples.outcome) == ((), "yes")
    columns = ["run", "item", "repeat", "condition", "cluster", "scenario", "turn", "said", "text", "before", "value"]
    left, right = (t.table.select(columns).sort("item", "repeat") for t in (samples.trials, read_trials(evaluated[1])))
    assert left.height > 100
    assert left.equals(right)
    first, second = (consistency(t, "again") for t in (samples.trials, read_trials(evaluated[1])))
    assert first.findings == second.findings
    assert first.sentence == second.sentence


def test_what_the_log_counts_is_what_was_said(evaluated: tuple[Path, Path]) -> None:
    header = json.loads(member(evaluated[0], "header.json"))
    assert header["status"] == "success"
    counted = {score["name"]: score["metrics"]["mean"]["value"] for score in header["results"]["scores"]}
    table = read_samples([evaluated[0]]).trials.table.with_columns(pl.col("item").str.replace(r"/\d+$", ""))
    last = table.sort("turn").group_by("item", "repeat").last()["said"]
    shares = {said: (last == said).mean() for said in ("yes", "no")}
    assert counted == pytest.approx(shares | {"neither": (~last.is_in(["yes", "no"])).mean()})
    assert counted["neither"] > 0


def test_inspect_finds_the_task_by_its_entry_point() -> None:
    project = tomllib.loads((SOURCE.parent / "pyproject.toml").read_text())
    (place,) = project["project"]["entry-points"]["inspect_ai"].values()
    assert Path(str(import_module(place).__file__)) == TASKS
