"""Damaged and malicious files: every outcome is a table or one sentence, soon, in bounded memory.

`SCALEWISE_FUZZ=100000 pytest tests/runs/readers/test_fuzz.py` tries that many mutated files of each kind.
"""

import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

import scalewise as sw
from scalewise.runs.readers import FORMATS

MUTANTS = int(os.environ.get("SCALEWISE_FUZZ", "120"))
LONGEST = 5.0
"""Seconds of the processor that one small file may take, whatever else the machine does."""
PATIENCE = 60.0
"""Seconds by the clock: enough for a busy machine, too few for something that sleeps."""
SUMMED = {"tensorboard", "tensorboard2", "inspect"}
"""Formats with checksums: what is lost is always noticed."""


def fixtures() -> list[str]:
    here = Path(__file__).parent / "fixtures"
    return sorted(p.name for p in here.iterdir() if p.is_dir() and not p.name.startswith("_"))


def mutated(content: bytes, random: np.random.Generator) -> bytes:
    """Bits flipped, bytes replaced, a stretch lost, doubled or moved, or the end cut off."""
    made = bytearray(content)
    for _ in range(int(random.integers(1, 9))):
        if not made:
            break
        kind, at = int(random.integers(7)), int(random.integers(len(made)))
        length = int(random.integers(1, 40))
        if kind <= 1:
            made[at] ^= 1 << int(random.integers(8))
        elif kind == 2:
            made[at] = int(random.integers(256))
        elif kind == 3:
            made[at : at + length] = b"\xff" * length
        elif kind == 4:
            del made[at : at + length]
        elif kind == 5:
            made[at:at] = made[at : at + length]
        elif random.random() < 0.2:
            del made[at:]
        else:
            made[at : at + 1] = [b"0", b"9999999999", b"-", b"[", b"{", b"nan", b"\n", b"\0"][int(random.integers(8))]
    return bytes(made)


def outcome(path: Path, by_item: bool = False) -> tuple[int, bool, str]:
    """How many rows a file gives (none for a sentence), whether anything was said to be left out, and the sentence."""
    try:
        runs = sw.read(path, by_item=by_item)
    except sw.ScalewiseError as error:
        return 0, True, str(error)
    return len(runs), bool(runs.report.dropped), ""


@pytest.mark.parametrize(
    ("name", "by_item"), [*((name, False) for name in fixtures()), ("inspect", True), ("lm_eval", True)]
)
def test_a_mutated_file_is_read_or_refused(name: str, by_item: bool, logs: Path, tmp_path: Path) -> None:
    folder = tmp_path / name
    shutil.copytree(logs / name, folder)
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    files = [file for file in files if any(kind.unit(file, file.read_bytes()[:4096]) for kind in FORMATS)]
    whole = {file: (file.read_bytes(), outcome(file, by_item)[0]) for file in files}
    random = np.random.default_rng(11)
    for _ in range(MUTANTS):
        file = files[int(random.integers(len(files)))]
        content, rows = whole[file]
        file.write_bytes(mutated(content, random))
        worked, began = time.process_time(), time.perf_counter()
        now, said, sentence = outcome(file, by_item)
        assert "\n" not in sentence
        assert len(sentence) < 3000
        assert time.process_time() - worked < LONGEST
        assert time.perf_counter() - began < PATIENCE
        assert now <= 2 * rows + 10
        if name in SUMMED and now < rows:
            assert said
        file.write_bytes(content)
