"""Kills `scalewise train` again and again: `python kills.py CHAIN KILLS`, in the folder of a study.

Every fifth start is `python -m scalewise`. The others are forks of this process, which has imported PyTorch, and begin
what a start always begins: the standard library's fork server, of which workers are forks, and its resource tracker.
Where the library would begin these in a new interpreter, which would import PyTorch again, they are forks too.
"""

import multiprocessing as mp
import multiprocessing.util
import os
import random
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import scalewise.lab.engine
import scalewise.lab.suite  # noqa: F401
from scalewise.cli import main

FRESH = 5
"""One start in so many is a new interpreter."""


class Start(mp.get_context("fork").Process):  # type: ignore[name-defined, misc]
    """One `scalewise train`, and what it says."""

    def __init__(self, into: str, fresh: bool) -> None:
        super().__init__()
        self._command = ["scalewise", "train", "study.toml", "--into", into, "--workers", "1"]
        self._fresh = fresh
        said, self._says = os.pipe()
        self.start()
        os.close(self._says)
        self._said = open(said)  # noqa: SIM115

    def run(self) -> None:
        os.setsid()
        os.dup2(self._says, sys.stderr.fileno())
        if self._fresh:
            os.execv(sys.executable, [sys.executable, "-m", *self._command])
        mp.util.spawnv_passfds = fork_passfds
        sys.argv = self._command
        main()

    def ended(self) -> tuple[int | None, str]:
        """Exit status and what was said; waits also for the workers, which write to the same place."""
        with self._said:
            said = self._said.read()
        self.join()
        return self.exitcode, said


def fork_passfds(_: str, command: Sequence[str], passed: Sequence[int]) -> int:
    """What `python -c CODE` does with these open files, but without a new interpreter."""
    if process := os.fork():
        return process
    try:
        for file in {int(name) for name in os.listdir("/dev/fd")} - {0, 1, 2, *passed}:
            with suppress(OSError):
                os.close(file)
        exec(command[-1], {"__name__": "__main__"})
    finally:
        os._exit(0)


def wait_for_the_moment(process: Start, directory: Path, chance: random.Random, start_seconds: float) -> None:
    """A third of the kills falls into the start, the others follow at once on one of the next writes."""
    if chance.random() < 1 / 3:
        time.sleep(chance.uniform(0, start_seconds))
        return
    for _ in range(chance.randint(1, 12)):
        before = written(directory)
        while written(directory) == before and process.is_alive():
            time.sleep(0.005)
    time.sleep(chance.uniform(0, 0.003))


def written(directory: Path) -> tuple[int, int]:
    """Changes with everything that is written into a store."""
    times = [entry.stat(follow_symlinks=False).st_mtime_ns for entry in _files(directory)]
    return len(times), max(times, default=0)


def _files(directory: Path) -> Iterator["os.DirEntry[str]"]:
    try:
        entries = list(os.scandir(directory))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir():
            yield from _files(Path(entry.path))
        elif entry.name != "lock":
            try:
                entry.stat(follow_symlinks=False)
            except FileNotFoundError:  # gone since
                continue
            yield entry


def kill_again_and_again(chain: int, kills: int) -> None:
    """Studies that are killed so many times in all, and then left to end."""
    chance, killed, starts, studies = random.Random(chain), 0, 0, 0
    while True:
        directory = Path(f"killed-{chain}-{studies}")
        fresh = starts % FRESH == 0
        process = Start(directory.name, fresh)
        starts += 1
        if killed < kills:
            wait_for_the_moment(process, directory, chance, 2.5 if fresh else 0.8)
            process.kill()
        status, said = process.ended()
        if status == -signal.SIGKILL:
            killed += 1
        elif status != 0:
            sys.exit(said)
        elif killed < kills:
            studies += 1
        else:
            return


if __name__ == "__main__":
    kill_again_and_again(int(sys.argv[1]), int(sys.argv[2]))
