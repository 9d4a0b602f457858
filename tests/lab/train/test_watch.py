"""`scalewise watch` from another terminal: while a study is trained, after a kill, and at its end."""

import json
import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install 'scalewise[train]'")

from tests.lab.train.test_nothing_lost import folder  # noqa: E402, F401

from scalewise.lab.locks import only_trainer, trainer  # noqa: E402
from scalewise.runs.store import Store  # noqa: E402

pytestmark = [pytest.mark.train, pytest.mark.slow]


def watch(directory: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "scalewise", "watch", str(directory), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def seen(directory: Path) -> dict[str, Any]:
    status: dict[str, Any] = json.loads(watch(directory, "--json").stdout)
    return status


def on_a_terminal(folder: Path, into: str) -> "tuple[subprocess.Popen[bytes], list[bytes]]":  # noqa: F811
    """A study in training whose standard error is a terminal, and what appears there."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "scalewise", "train", "study.toml", "--into", into, "--workers", "1"]
    environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache"), "COLUMNS": "120", "TERM": "xterm"}
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    shown: list[bytes] = []

    def read() -> None:
        try:
            while piece := os.read(ours, 65536):
                shown.append(piece)
        except OSError:  # the other end is closed
            pass

    Thread(target=read, daemon=True).start()
    return process, shown


def test_a_study_is_watched_to_its_end(folder: Path) -> None:  # noqa: F811
    process, terminal = on_a_terminal(folder, "watched-live")
    directory = folder / "watched-live"
    while not (directory / "tuning.jsonl").exists():  # one cell is tuned
        assert process.poll() is None
        time.sleep(0.02)
    assert trainer(directory)
    half = seen(directory)
    assert 0.1 < half["done"] < 1
    assert sum(size["bracketed"] + size["at_edge"] for size in half["sizes"]) >= 1
    assert any(size["loss"] for size in half["sizes"])
    assert process.wait() == 0
    assert not trainer(directory)
    table = b"".join(terminal).decode()
    assert re.search(r"MFU +left", table)
    assert re.search(r"(searching|edge|bracketed) 1e9", table)
    assert re.search(r"about \d+ s left", table)
    assert "100 % of the work done" in table
    whole = seen(directory)
    assert whole["done"] == 1
    assert [size["training"] for size in whole["sizes"]] == [0, 0]
    assert [size["bracketed"] + size["at_edge"] for size in whole["sizes"]] == [2, 2]
    assert sum(size["ended"] for size in whole["sizes"]) == len(Store(directory).runs())
    shown = watch(directory).stdout
    assert "100 % of the work done" in shown
    assert f"{whole['sizes'][0]['loss']:.3f}" in shown

    # where there is no terminal training is quiet; here it finds that all is done
    command = [sys.executable, "-m", "scalewise", "train", "study.toml", "--into", "watched-live", "--workers", "1"]
    environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert re.fullmatch(r"trained \d+ runs into watched-live, .* of the fastest product here\n", done.stderr)


def test_what_is_no_study_is_said(tmp_path: Path) -> None:
    done = watch(tmp_path)
    assert done.returncode == 2
    assert "no study has been begun there" in done.stderr


def test_who_looks_does_not_keep_a_trainer_out(tmp_path: Path) -> None:
    with only_trainer(tmp_path):
        assert trainer(tmp_path)
    assert not trainer(tmp_path)
    with only_trainer(tmp_path):
        pass
