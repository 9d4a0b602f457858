"""Peers with packages of their own: an environment outside the repository, and a process in it that stays alive."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from peers.lines import Message

BENCH = Path(__file__).resolve().parents[1]
SHARED = ("numpy", "scipy", "polars")
"""Packages that peers run in the version that is installed here, so that only what is compared differs."""
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"), "1")


class PeerError(Exception):
    """A peer cannot be had; the message says why, in one line."""


def environment() -> Path:
    """Where peers are installed, once: in the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "scalewise-bench" / f"peers-{sys.version_info.major}.{sys.version_info.minor}"


class Peer:
    """A script of this folder that answers lines, in the environment of peers, until this process ends.

    `requirement` is what pip installs for it, `others` what that needs besides the packages of `SHARED`.
    """

    def __init__(self, script: str, requirement: str, others: Sequence[str], first: Message) -> None:
        self.requirement = requirement
        python = environment() / "bin" / "python"
        _install(python, script, requirement, others)
        self._log = environment() / f"{script}.log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [python, "-m", f"peers.{script}"],
                cwd=BENCH,
                env={**os.environ, **ONE_THREAD},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.name = str(self.ask(first)["name"])

    def ask(self, message: Message) -> Message:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the peer was started without pipes")
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise PeerError(f"{self.requirement} stopped: {_last_line(self._log.read_text())}")
        answer: Message = json.loads(line)
        return answer


def _install(python: Path, script: str, requirement: str, others: Sequence[str]) -> None:
    """Install what a peer needs, unless the same was installed before."""
    shared = [f"{name}=={version(name)}" for name in SHARED]
    wanted = "\n".join([requirement, *others, *shared])
    done = environment() / f"{script}.installed"
    if python.exists() and done.exists() and done.read_text() == wanted:
        return
    if not python.exists():
        _run(requirement, [sys.executable, "-m", "venv", str(environment())])
    pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--retries", "1"]
    _run(requirement, [*pip, *shared, *others])
    # simple-scaling-laws asks for Python 3.12 but also runs on 3.11, on which pip would not install it.
    _run(requirement, [*pip, "--no-deps", "--ignore-requires-python", requirement])
    done.write_text(wanted)


def _run(requirement: str, words: Sequence[str]) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PeerError(f"{requirement} cannot be installed: {_last_line(done.stderr or done.stdout)}")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
