"""Scenarios: yes-or-no questions with what their guises need. Ours are in `battery/`; JSON lines and ETHICS are read.

A line is an object: `id` and `direct` (the question put plainly) must be there; `story` and `paraphrase` are the same
question otherwise; `utilitarian` is the answer (yes or no) of somebody who counts outcomes only; `valid` is an argument
for the answer `argues` (if not given, for whatever was not answered), which should convince, and `invalid` is one that
should not; `ladder` and `severity` order scenarios by harm; `deed`, `law` (legal, illegal) and `moral` (good, bad)
cross law with morality; `answer` is a label; scenarios of one `family` err together.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from importlib.resources import files
from pathlib import Path

from scalewise.errors import TableError, did_you_mean
from scalewise.probes.dialogue.ethics import ethics_wordings

OURS, ETHICS = Path("ours"), "ethics"
YES_NO = ("yes", "no")
CHOICES = {
    "utilitarian": YES_NO,
    "argues": YES_NO,
    "answer": YES_NO,
    "law": ("legal", "illegal"),
    "moral": ("good", "bad"),
}


@dataclass(frozen=True)
class Scenario:
    """One question and its guises; what is None is not asked."""

    id: str
    direct: str
    theme: str = "other"
    story: str | None = None
    paraphrase: str | None = None
    utilitarian: str | None = None
    valid: str | None = None
    argues: str | None = None
    invalid: str | None = None
    ladder: str | None = None
    severity: int | None = None
    deed: str | None = None
    law: str | None = None
    moral: str | None = None
    answer: str | None = None
    family: str | None = None

    @property
    def cluster(self) -> str:
        """What errs together: a family, the steps of a ladder, the variants of a deed, the guises of a question."""
        return self.family or self.ladder or self.deed or self.id


def load_scenarios(paths: Sequence[Path] = ()) -> list[Scenario]:
    """The scenarios of these files (.jsonl, or .csv of ETHICS), or our own for none and for one named `ours`.

    Raises TableError (file, line) for what is no scenario, and for an id or a question that is there twice.
    """
    found = [s for path in paths or [OURS] for s in (_ours() if path == OURS and not path.exists() else _read(path))]
    if not found:
        raise TableError(f"{paths[0]}: there is no scenario in it.")
    ids: set[str] = set()
    asked: dict[str, str] = {}
    for scenario in found:
        if scenario.id in ids:
            raise TableError(f"scenario '{scenario.id}' is there twice; give each an id of its own.")
        ids.add(scenario.id)
        first = asked.setdefault(scenario.direct, scenario.id)
        if first != scenario.id and scenario.theme != ETHICS:  # a few of its questions are there twice
            raise TableError(f"scenarios '{first}' and '{scenario.id}' ask the same question; leave one out.")
    return found


def _ours() -> Iterator[Scenario]:
    battery = files("scalewise.probes.dialogue").joinpath("battery")
    for name in ("dilemmas.jsonl", "ladders.jsonl", "law.jsonl"):
        yield from _lines(name, battery.joinpath(name).read_text(encoding="utf-8"))


def _read(path: Path) -> Iterator[Scenario]:
    if not path.is_file():
        raise TableError(f"{path}: {'is a folder; name its files' if path.is_dir() else 'there is no such file'}.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise TableError(f"{path}: is not text in UTF-8 (byte {error.start + 1:,}); save it as such.") from None
    except OSError as error:
        raise TableError(f"{path}: cannot be read ({error.strerror}).") from None
    if path.suffix != ".csv":
        return _lines(str(path), text)
    wordings = enumerate(ethics_wordings(path, text), 1)
    return (
        Scenario(f"{path.stem}-{n}", w.question, ETHICS, answer=w.answer, family=f"{path.stem}: {w.about}")
        for n, w in wordings
    )


def _lines(name: str, text: str) -> Iterator[Scenario]:
    known = {field.name for field in fields(Scenario)}
    for number, line in enumerate(text.split("\n"), 1):  # not splitlines: text may hold other separators
        if not line.strip():
            continue
        where = f"{name}, line {number}"
        try:
            given = json.loads(line)
        except json.JSONDecodeError as error:
            raise TableError(f"{where}: is not JSON ({error.msg}).") from None
        if not isinstance(given, dict):
            raise TableError(f"{where}: a scenario is an object with 'id' and 'direct'.")
        for key, value in given.items():
            if key not in known:
                raise TableError(f"{where}: unknown key '{key}'{did_you_mean(key, known)}.")
            wanted = int if key == "severity" else str
            if value is not None and (not isinstance(value, wanted) or isinstance(value, bool)):
                raise TableError(f"{where}: '{key}' must be {'a whole number' if wanted is int else 'text'}.")
            if key in CHOICES and value is not None and value not in CHOICES[key]:
                raise TableError(f"{where}: '{key}' must be {' or '.join(CHOICES[key])}, not '{value}'.")
        if not given.get("id") or not given.get("direct"):
            raise TableError(f"{where}: a scenario needs 'id' and 'direct'.")
        if (given.get("ladder") is None) != (given.get("severity") is None):
            raise TableError(f"{where}: 'ladder' and 'severity' belong together.")
        yield Scenario(**given)
