"""How a study is computed: found by the probe once per machine, kept in the user's cache, and fixed per study.

A study keeps what it was begun with in compute.json, so that it goes on with the same arithmetic after a kill, and two
studies on one machine use the same, whatever else the machine was doing while it was probed.
"""

import hashlib
import json
import platform
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from scalewise.errors import ScalewiseError, StudyError
from scalewise.lab.compute import Compute
from scalewise.lab.memory import member_bytes
from scalewise.lab.recipe import Recipe
from scalewise.runs.files import cache_folder, write_text

Wanted = Literal["auto", "bf16", "fp32"]
Device = Literal["cpu", "cuda"]
RECORD = "compute.json"
MOST_MEMBERS = {"cpu": 8, "cuda": 64}
"""Beyond 8 members a stack leaves the cache of a CPU core (measured: slower from 16 on)."""
MEMORY_SHARE = 0.8
"""Of a GPU's memory, since what a stack needs is an estimate."""


@dataclass(frozen=True)
class Findings:
    """The arithmetic, up to which width models are stacked, the fastest product seen on one core or GPU, and a GPU's
    memory."""

    compute: Compute
    stacked_up_to_width: int
    peak_flops_per_second: float
    memory_bytes: float | None = None

    def members(self, recipe: Recipe) -> int:
        """How many models of a recipe's shape are trained as one stack, at most."""
        if recipe.shape.width > self.stacked_up_to_width:
            return 1
        most = MOST_MEMBERS[self.compute.device]
        if self.memory_bytes is not None:
            most = min(most, int(MEMORY_SHARE * self.memory_bytes / member_bytes(recipe)))
        return max(1, most)


def findings_of_study(directory: Path, device: Device, precision: Wanted) -> Findings:
    """What the study in this folder was begun with, or is now.

    Raises StudyError when it was begun on another device.
    """
    path = directory / RECORD
    if not path.exists():
        _write(path, findings_here(device, precision))
    found = _read(path)
    if found.compute.device != device:
        raise StudyError(f"{directory} was begun on {found.compute.device}, not {device}; give another folder.")
    return found


def recorded_findings(directory: Path) -> Findings:
    """What the study in this folder is computed with."""
    return _read(directory / RECORD)


def findings_here(device: str, precision: Wanted) -> Findings:
    """What the probe finds on this machine, from the cache when it has been asked before."""
    found_out = ", ".join(field.name for field in fields(Findings))
    how = Path(__file__).with_name("probe.py").read_text(encoding="utf-8")
    machine = f"{_processor()}, torch {version('torch')}, {device}, {precision}: {found_out}\n{how}"
    path = cache_folder() / f"compute-{hashlib.sha256(machine.encode()).hexdigest()[:12]}.json"
    if path.exists():
        return _read(path)
    from scalewise.lab.probe import probe

    found = probe(device, precision)
    try:
        _write(path, found)
    except (ScalewiseError, OSError):
        return found  # a home that cannot be written to: the probe is asked again next time
    return found


def _processor() -> str:
    """The processor's name; Linux has it in /proc/cpuinfo only."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    wanted = ("vendor_id", "cpu family", "model", "model name", "stepping")
    return ", ".join(dict.fromkeys(line.partition(":")[2].strip() for line in lines if line.startswith(wanted)))


def _write(path: Path, found: Findings) -> None:
    write_text(path, json.dumps(asdict(found), indent=1))


def _read(path: Path) -> Findings:
    content = json.loads(path.read_text(encoding="utf-8"))
    return Findings(**content | {"compute": Compute(**content["compute"])})
