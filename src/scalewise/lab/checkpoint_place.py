"""Where a study keeps its checkpoints: in its own folder, or in a folder or at an address given when it is begun.

DIR/checkpoints.json    says so, where it is not the study's own folder

Whoever sees the study's folder finds the place there, so that going on with it needs no option.
"""

import json
import re
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from secrets import token_hex
from threading import Thread

from scalewise.errors import StudyError
from scalewise.lab.objects import Address, Folder, Objects
from scalewise.runs.files import write_text
from scalewise.runs.store import DECLARED

PASSWORD = re.compile(r"[^/]*://[^/@]*:[^/]*@")
RECORD = "checkpoints.json"
MARK = "study"
"""An object by which a node sees that it looks at the same place; it says to whom the place belongs."""

ANSWER_SECONDS = 60.0


def place_of(directory: Path) -> Objects | None:
    """Where the checkpoints of the study in this folder are, None for the folder itself."""
    recorded = _recorded(directory)
    return _at(recorded) if recorded else None


def chosen_place(directory: Path, wanted: str | None, study: str) -> str | None:
    """Where the checkpoints of a study will be: as it was begun, or in a new folder of its own under what is wanted.

    Raises StudyError when objects cannot be written, read and removed there, or when the study was begun elsewhere.
    """
    recorded, begun = _recorded(directory), (directory / DECLARED).exists()
    wanted = _absolute(wanted) if wanted else None
    the_same = recorded is not None and wanted == _parts(recorded)[0]
    if begun and wanted and not the_same:
        raise StudyError(
            f"--checkpoints {wanted}: the study in {directory} was begun with its checkpoints in "
            f"{recorded or 'that folder'}; leave the option out to go on with them."
        )
    new = f"{wanted}/{study}-{token_hex(4)}" if wanted else None
    chosen = recorded if begun or the_same else new
    if chosen:
        _in_time(lambda: _try_out(*_parts(chosen)), _parts(chosen)[0])
    return chosen


def remember_place(directory: Path, chosen: str | None) -> None:
    """Note it in the study's folder."""
    if chosen:
        write_text(directory / RECORD, json.dumps({"checkpoints": chosen}))
    else:
        (directory / RECORD).unlink(missing_ok=True)


def mark_place(directory: Path) -> None:
    """Make the place, if it is not the study's folder, so that others see it."""
    place = place_of(directory)
    if place:
        place.make()
        place.put(MARK, str(directory.resolve()).encode())


def check_seen(directory: Path) -> None:
    """Raises StudyError where this machine does not see the checkpoints of the study."""
    place = place_of(directory)
    if place and MARK not in place.names(MARK):
        raise StudyError(f"{place}: a node of the cluster does not see this folder; give one that all nodes see.")


def _recorded(directory: Path) -> str | None:
    try:
        recorded: str = json.loads((directory / RECORD).read_text(encoding="utf-8"))["checkpoints"]
    except FileNotFoundError:
        return None
    return recorded


def _at(place: str) -> Objects:
    return Address(place) if "://" in place else Folder(Path(place))


def _absolute(wanted: str) -> str:
    if "://" not in wanted:
        return str(Path(wanted).absolute())
    if PASSWORD.match(wanted):
        raise StudyError(
            "--checkpoints: the address holds a password, which would be kept in the study's folder; give it to "
            "fsspec by its configuration or its environment variables."
        )
    if wanted.startswith("memory://"):
        raise StudyError("--checkpoints memory://: ends with the process; give an address that outlives it.")
    if not wanted.partition("://")[2].strip("/"):
        raise StudyError(f"--checkpoints {wanted}: names no place there, as s3://BUCKET/FOLDER does.")
    return wanted.rstrip("/")


def _parts(place: str) -> tuple[str, str]:
    """What was wanted, and the study's own folder under it."""
    wanted, _, own = place.rpartition("/")
    return wanted, own


def _in_time(work: Callable[[], None], place: str) -> None:
    """Raises StudyError after a minute: libraries try an address that does not answer for a quarter of an hour."""
    outcome: Future[None] = Future()

    def run() -> None:
        try:
            work()
            outcome.set_result(None)
        except Exception as error:
            outcome.set_exception(error)

    Thread(target=run, daemon=True).start()
    try:
        outcome.result(ANSWER_SECONDS)
    except TimeoutError:
        raise StudyError(f"--checkpoints {place}: does not answer within {ANSWER_SECONDS:g} seconds.") from None


def _try_out(wanted: str, own: str) -> None:
    place, name = _at(wanted), f"{own}-tried"
    place.make()
    place.put(name, name.encode())
    if place.get(name) != name.encode():
        raise StudyError(f"--checkpoints {wanted}: what is written there cannot be read back.")
    place.remove(name)
