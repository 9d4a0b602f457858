"""Stops the process that trains into a store, and starts one that goes on."""

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from scalewise.errors import MissingExtraError, ScalewiseError
from scalewise.lab.locks import trainer

STOP_SECONDS = 30.0
LOG_FILE = "training.log"


def stop(directory: Path) -> None:
    """Interrupt the trainer as Ctrl-C does: workers save their checkpoints and end. Raises ScalewiseError."""
    process = trainer(directory)
    if process is None:
        raise ScalewiseError("nothing is being trained into this store.")
    os.kill(process, signal.SIGINT)
    until = time.monotonic() + STOP_SECONDS
    while trainer(directory) is not None:
        if time.monotonic() > until:
            raise ScalewiseError("it has not stopped yet; the workers finish their current step first.")
        time.sleep(0.1)


def resume(directory: Path) -> None:
    """Go on with the study, in a process that outlives the page. Raises ScalewiseError when it ends at once."""
    if find_spec("torch") is None:
        raise MissingExtraError("PyTorch", "train", "training")
    if trainer(directory) is not None:
        raise ScalewiseError("this store is being trained already.")
    words = [sys.executable, "-m", "scalewise", "train", str(directory / "study.toml"), "--into", str(directory)]
    log = directory / LOG_FILE
    with log.open("wb") as output:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    until = time.monotonic() + STOP_SECONDS
    while trainer(directory) is None and time.monotonic() < until:
        if process.poll() not in (None, 0):
            said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["no reason given"]
            raise ScalewiseError(f"it could not go on: {said[-1]}")
        if process.poll() == 0:
            return
        time.sleep(0.1)
