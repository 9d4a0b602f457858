"""Scenarios: yes-or-no questions with what their guises need. Ours are in `battery/`; JSON lines and ETHICS are read.

A line is an object: `id` and `direct` (the question put plainly) must be there; `story` and `paraphrase` are the same
question otherwise; `utilitarian` is the answer (yes or no) of somebody who counts outcomes only; `valid` and `invalid`
are arguments for the other answer, of which only the first should convince; `ladder` and `severity` order scenarios by
harm; `deed`, `law` (legal, illegal) and `moral` (good, bad) cross law with morality; `answer` is a label.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from importlib.resources import files
from pathlib import Path

from scalewise.errors import TableError, did_you_mean
from scalewise.probes.dialogue.ethics import ethics_wordings

CHOICES = {"utilitarian": ("yes", "no"), "answer": ("yes", "no"), "law": ("legal", "illegal"), "moral": ("good", "bad")}


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
    invalid: str | None = None
    ladder: str | None = None
    severity: int | None = None
    deed: str | None = None
    law: str | None = None
    moral: str | None = None
    answer: str | None = None

    @property
    def cluster(self) -> str:
        """What errs together: the steps of a ladder, the variants of a deed, the guises of a question."""
        return self.ladder or self.deed or self.id


def load_scenarios(paths: Sequence[Path] = ()) -> list[Scenario]:
    """The scenarios of these files (.jsonl, or .csv of ETHICS), or our own for none.

    Raises TableError (file, line) for what is no scenario, and for an id that is there twice.
    """
    if not paths:
        ours = sorted(files("scalewise.probes.dialogue").joinpath("battery").iterdir(), key=lambda p: p.name)
        sources = [(part.name, part.read_text(encoding="utf-8")) for part in ours if part.name.endswith(".jsonl")]
        found = [scenario for name, text in sources for scenario in _lines(name, text)]
    else:
        found = [scenario for path in paths for scenario in _read(path)]
    if not found:
        raise TableError(f"{paths[0]}: there is no scenario in it.")
    seen: set[str] = set()
    for scenario in found:
        if scenario.id in seen:
            raise TableError(f"scenario '{scenario.id}' is there twice; give each an id of its own.")
        seen.add(scenario.id)
    return found


def _read(path: Path) -> Iterator[Scenario]:
    if not path.is_file():
        raise TableError(f"{path}: there is no such file.")
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".csv":
        wordings = enumerate(ethics_wordings(path, text), 1)
        return (Scenario(f"{path.stem}-{n}", direct, "ethics", answer=answer) for n, (direct, answer) in wordings)
    return _lines(str(path), text)


def _lines(name: str, text: str) -> Iterator[Scenario]:
    known = {field.name for field in fields(Scenario)}
    for number, line in enumerate(text.splitlines(), 1):
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
            if value is not None and not isinstance(value, wanted):
                raise TableError(f"{where}: '{key}' must be {'a whole number' if wanted is int else 'text'}.")
            if key in CHOICES and value not in CHOICES[key]:
                raise TableError(f"{where}: '{key}' must be {' or '.join(CHOICES[key])}, not '{value}'.")
        if not given.get("id") or not given.get("direct"):
            raise TableError(f"{where}: a scenario needs 'id' and 'direct'.")
        if (given.get("ladder") is None) != (given.get("severity") is None):
            raise TableError(f"{where}: 'ladder' and 'severity' belong together.")
        yield Scenario(**given)
