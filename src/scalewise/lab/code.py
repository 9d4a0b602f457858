"""Which code trained a run: a hash over the sources that decide its numbers, so that a run's name says that too."""

import hashlib
from functools import cache
from pathlib import Path

DECIDING = ("compute.py", "data/windows.py", "engine.py", "models/*.py", "optimizers/*.py", "schedule.py", "stack.py")
"""What computes the numbers of a recipe, under `lab/`. What decides which recipes there are is in the recipes."""


@cache
def code_version() -> str:
    """Eight hexadecimal digits; another value means that the same recipe may end with other numbers."""
    lab = Path(__file__).parent
    digest = hashlib.sha256()
    for file in sorted(file for pattern in DECIDING for file in lab.glob(pattern)):
        digest.update(file.relative_to(lab).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:8]
