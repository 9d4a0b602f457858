"""Where a study stands, read from its folder alone: whoever trains it, and wherever."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scalewise.errors import StudyError
from scalewise.lab.data.kept import is_kept, kept
from scalewise.lab.findings import RECORD, recorded_findings
from scalewise.lab.plan import cells_of
from scalewise.lab.schedule import COOLDOWN
from scalewise.lab.study import Study, load_study
from scalewise.runs.store import DECLARED, RunFolder, Store


@dataclass(frozen=True)
class SizeStatus:
    """One size of one arm. Losses are nats per token: `train_loss` that of the run that is furthest, `loss` the lowest
    held-out loss of the largest budget that is tuned."""

    arm: str
    width: int
    depth: int
    params: int
    cells: int
    bracketed: int
    at_edge: int
    runs: int
    ended: int
    training: int
    budget: float | None
    train_loss: float | None
    loss: float | None


@dataclass(frozen=True)
class Status:
    """A study as it stands: its sizes, the share of its work that is done (no search growing), and the share of the
    fastest product of a worker that its training runs reach (MFU)."""

    sizes: tuple[SizeStatus, ...]
    done: float
    mfu: float | None


class Watched:
    """A study's folder that is looked at again and again. Raises StudyError when there is none."""

    def __init__(self, directory: Path) -> None:
        if not (directory / DECLARED).is_file() or not is_kept(directory):
            raise StudyError(f"{directory}: no study has been begun there; name what `scalewise train --into` names.")
        corpus = kept(directory)
        self.directory = directory
        self.study: Study = load_study(directory / DECLARED).on(corpus)
        self.store = Store(directory)
        self.cells = cells_of(self.study, corpus)
        self._ended: set[str] = set()

    def look(self) -> Status:
        """Where it stands now."""
        found = [(folder, folder.config()) for folder in self.store.runs()]
        tuned = self.store.tuning()
        sizes, done, speeds = [], 0.0, []
        for cells in self.cells:
            shape, arm = cells.longest.shape, cells.arm.name
            here = [f for f, c in found if (c["group"], c["width"], c["depth"]) == (arm, shape.width, shape.depth)]
            training = [f for f in here if not self._has_ended(f) and f.state() == "running"]
            rows = {folder.path.name: row for folder in training for row in folder.metrics()[-1:]}
            last = max(rows.values(), key=lambda row: float(row["flops"]), default=None)
            speeds += [row["flops"] / row["seconds"] for row in rows.values() if row["seconds"]]
            own = [cell for cell in tuned if (cell["group"], cell["params"]) == (arm, shape.params)]
            best = max(own, key=lambda cell: float(cell["flops_budget"]), default=None)
            budgets = [c["flops_budget"] for f, c in found if f in training]
            sizes.append(
                SizeStatus(
                    arm=arm,
                    width=shape.width,
                    depth=shape.depth,
                    params=shape.params,
                    cells=len(self.study.flops),
                    bracketed=sum(cell["bracketed"] for cell in own),
                    at_edge=sum(not cell["bracketed"] and not cell["transferred"] for cell in own),
                    runs=len(cells.recipes),
                    ended=len(here) - sum(not self._has_ended(folder) for folder in here),
                    training=len(training),
                    budget=max(budgets, default=None),
                    train_loss=last["train_loss"] if last else None,
                    loss=_lowest(best["losses"].values()) if best else None,
                )
            )
            if len(own) == len(self.study.flops):
                done += cells.flops
            else:
                reached = [
                    (c, rows.get(f.path.name, {"flops": c["flops_budget"]})["flops"]) for f, c in found if f in here
                ]
                done += min(cells.flops, _operations(reached))
        speed = sum(speeds) / len(speeds) if speeds else None
        return Status(tuple(sizes), done / sum(cells.flops for cells in self.cells), self._share_of_peak(speed))

    def _has_ended(self, folder: RunFolder) -> bool:
        """What has ended is not asked again."""
        if folder.path.name not in self._ended and folder.has_ended():
            self._ended.add(folder.path.name)
        return folder.path.name in self._ended

    def _share_of_peak(self, speed: float | None) -> float | None:
        if speed is None or not (self.directory / RECORD).exists():
            return None
        return speed / recorded_findings(self.directory).peak_flops_per_second


def _operations(reached: Iterable[tuple[dict[str, Any], float]]) -> float:
    """What runs have cost, of each its recipe and the operations of its whole way; the part that it shares with a
    shorter one of its trunk counts once."""
    trunks: dict[tuple[float, int], list[tuple[float, float, str]]] = {}
    for config, flops in reached:
        row = (config["flops_budget"], flops, config["schedule"])
        trunks.setdefault((config["lr"], config["seed"]), []).append(row)
    total = 0.0
    for runs in trunks.values():
        shared = 0.0
        for budget, flops, schedule in sorted(runs):
            total += max(0.0, flops - shared)
            shared = (1 - COOLDOWN) * budget if schedule == "wsd" else 0.0
    return total


def _lowest(losses: Iterable[float]) -> float | None:
    return min((loss for loss in losses if math.isfinite(loss)), default=None)
