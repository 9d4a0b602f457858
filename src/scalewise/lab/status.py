"""Where a study stands, read from its folder alone: for who trains it, who watches it, and the page.

What has ended is looked at once, and what is trained is read again only when its files have changed.
"""

import json
import math
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scalewise.errors import StudyError
from scalewise.lab.data.kept import is_kept, kept
from scalewise.lab.findings import RECORD, recorded_findings
from scalewise.lab.locks import trainer
from scalewise.lab.plan import Cells, cells_of
from scalewise.lab.schedule import branch_step
from scalewise.lab.study import load_study
from scalewise.runs.files import write_text
from scalewise.runs.store import DECLARED, Record, RunFolder, State, Store

BEGAN = "progress.json"
FEWEST_TRIED = 3
"""With fewer rates nothing can be bracketed."""

Search = Literal["waiting", "searching", "edge", "bracketed", "tuned"]
"""Of the largest budget of a size that is being tuned: no rate has ended, or fewer than three; the best is at an edge
of those that have, and the grid grows; it is bracketed, and other seeds are trained. Or every budget is tuned."""
Size = tuple[str, int, int, int]
"""Arm, parameters, width, depth."""


@dataclass(frozen=True)
class RunStatus:
    """One run as it was when its files had this stamp; `last` is its last row, or what it has told since."""

    stamp: tuple[int, ...]
    config: Record
    state: State
    rows: list[Record]
    last: Record

    @property
    def has_ended(self) -> bool:
        return self.state in ("finished", "diverged")

    @property
    def size(self) -> Size:
        return _size(self.config)


@dataclass(frozen=True)
class CellStatus:
    """One size at one budget, tuned: the best rate, of how many that were tried, and the lowest held-out loss."""

    budget: float
    lr: float
    tried: int
    bracketed: bool
    transferred: bool
    loss: float | None


@dataclass(frozen=True)
class SizeStatus:
    """One size of one arm. `cells` and `runs` are how many there will be, 0 where the study is not known. Losses are
    nats per token: `train_loss` that of the run that is furthest, `loss` the lowest held-out loss of the largest budget
    that is tuned. `flops` and `worker_seconds` are what was spent; `mfu` is the share of a worker's fastest product
    that was reached. `flops_left` takes no search to grow, and `seconds_left` are those of one worker."""

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
    search: Search
    budget: float | None
    train_loss: float | None
    loss: float | None
    flops: float
    worker_seconds: float
    mfu: float | None
    flops_left: float | None
    seconds_left: float | None
    tuned: tuple[CellStatus, ...]


@dataclass(frozen=True)
class Status:
    """A study as it stands. `done` is the share of its work that is done if no search grows, None where the study is
    not known; `seconds_left` are of the clock, None while nobody trains or nothing can be said yet."""

    sizes: tuple[SizeStatus, ...]
    being_trained: bool
    ended: int
    training: int
    diverged: int
    failed: int
    flops: float
    worker_seconds: float
    mfu: float | None
    done: float | None
    seconds_left: float | None


def planned(directory: Path) -> list[Cells]:
    """What the study in a folder needs. Raises StudyError when there is none."""
    if not (directory / DECLARED).is_file() or not is_kept(directory):
        raise StudyError(f"{directory}: no study has been begun there; name what `scalewise train --into` names.")
    corpus = kept(directory)
    return cells_of(load_study(directory / DECLARED).on(corpus), corpus)


class Watched:
    """A study's folder that is looked at again and again; `cells` are what it needs, as far as that is known."""

    def __init__(self, directory: Path, cells: Sequence[Cells] = ()) -> None:
        self.store = Store(directory)
        self.cells = cells
        self.runs: dict[str, RunStatus] = {}

    def begin(self) -> None:
        """Note, for every later look, that training goes on from here."""
        spent = self.look().worker_seconds
        write_text(self.store.path / BEGAN, json.dumps({"began": time.time(), "worker_seconds": spent}))

    def look(self) -> Status:
        """Where it stands now."""
        self.runs = {folder.path.name: self._seen(folder) for folder in self.store.runs()}
        being_trained = trainer(self.store.path) is not None
        sizes = self._sizes(being_trained)
        states = Counter(run.state for run in self.runs.values())
        flops, spent = sum(size.flops for size in sizes), sum(size.worker_seconds for size in sizes)
        wanted = sum(cells.flops for cells in self.cells)
        return Status(
            sizes=sizes,
            being_trained=being_trained,
            ended=states["finished"] + states["diverged"],
            training=sum(size.training for size in sizes),
            diverged=states["diverged"],
            failed=states["failed"],
            flops=flops,
            worker_seconds=spent,
            mfu=self._mfu(flops, spent),
            done=1 - sum(size.flops_left or 0.0 for size in sizes) / wanted if wanted else None,
            seconds_left=self._clock(sizes, spent) if being_trained else None,
        )

    def _seen(self, folder: RunFolder) -> RunStatus:
        before = self.runs.get(folder.path.name)
        if before and before.has_ended:
            return before
        stamp = tuple(p.stat().st_mtime_ns if p.exists() else 0 for p in (folder.metrics_path, folder.status_path))
        if before and before.stamp == stamp:
            return before
        rows, told = folder.metrics(), folder.reached()
        last: Record = rows[-1] if rows else {}
        if told and told["step"] > last.get("step", 0):
            last = told
        return RunStatus(stamp, folder.config(), folder.state(), rows, last)

    def _sizes(self, being_trained: bool) -> tuple[SizeStatus, ...]:
        """In the study's order; where that is not known, by name and size."""
        runs: dict[Size, list[RunStatus]] = {}
        for run in sorted(self.runs.values(), key=lambda run: run.size):
            runs.setdefault(run.size, []).append(run)
        cells = {_size(c.longest.columns): c for c in self.cells}
        spent = {size: _spent(own) for size, own in runs.items()}
        flops, seconds = (sum(own[i] for own in spent.values()) for i in (0, 1))
        tuned_cells = sorted(self.store.tuning(), key=lambda cell: float(cell["flops_budget"]))
        sizes = []
        for size in cells or runs:
            own, planned, (done, took) = runs.get(size, []), cells.get(size), spent.get(size, (0.0, 0.0))
            tuned = [_cell(cell) for cell in tuned_cells if (cell["group"], cell["params"]) == size[:2]]
            budgets = len({recipe.flops_budget for recipe in planned.recipes}) if planned else 0
            left = _left(planned, done, len(tuned) == budgets) if planned else None
            speed = done / took if took else flops / seconds if seconds else None
            training = [run for run in own if run.state == "running"] if being_trained else []
            furthest = max(training, key=lambda run: float(run.last.get("flops", 0.0)), default=None)
            search, budget = _search(own, tuned, budgets)
            sizes.append(
                SizeStatus(
                    arm=size[0],
                    params=size[1],
                    width=size[2],
                    depth=size[3],
                    cells=budgets,
                    bracketed=sum(cell.bracketed for cell in tuned),
                    at_edge=sum(not cell.bracketed and not cell.transferred for cell in tuned),
                    runs=len(planned.recipes) if planned else 0,
                    ended=sum(run.has_ended for run in own),
                    training=len(training),
                    search=search,
                    budget=budget,
                    train_loss=furthest.last.get("train_loss") if furthest else None,
                    loss=tuned[-1].loss if tuned else None,
                    flops=done,
                    worker_seconds=took,
                    mfu=self._mfu(done, took),
                    flops_left=left,
                    seconds_left=0.0 if left == 0 else left / speed if left and speed else None,
                    tuned=tuple(tuned),
                )
            )
        return tuple(sizes)

    def _mfu(self, flops: float, seconds: float) -> float | None:
        if not seconds or not (self.store.path / RECORD).exists():
            return None
        return flops / seconds / recorded_findings(self.store.path).peak_flops_per_second

    def _clock(self, sizes: Sequence[SizeStatus], spent: float) -> float | None:
        """Seconds of workers that are left, over how many of them there were per second since training went on."""
        lefts = [size.seconds_left for size in sizes]
        try:
            began: Record = json.loads((self.store.path / BEGAN).read_text(encoding="utf-8"))
            gained = spent - began["worker_seconds"]
            elapsed = time.time() - began["began"]
        except (OSError, ValueError, KeyError):  # begun by another version
            return None
        left = sum(left for left in lefts if left is not None)
        return None if None in lefts or not lefts or gained <= 0 else left * elapsed / gained


def _size(config: Record) -> Size:
    return str(config["group"]), int(config["params"]), int(config.get("width", 0)), int(config.get("depth", 0))


def _cell(record: Record) -> CellStatus:
    losses = [loss for loss in record["losses"].values() if math.isfinite(loss)]
    return CellStatus(
        budget=record["flops_budget"],
        lr=record["lr"],
        tried=len(record["losses"]),
        bracketed=record["bracketed"],
        transferred=record.get("transferred", False),
        loss=min(losses, default=None),
    )


def _spent(runs: Iterable[RunStatus]) -> tuple[float, float]:
    """Operations and seconds of workers that the runs of one size have cost; what those of several budgets share of a
    trunk counts once."""
    trunks: dict[tuple[float, int], list[RunStatus]] = {}
    for run in runs:
        if run.last:
            trunks.setdefault((run.config["lr"], run.config["seed"]), []).append(run)
    flops = seconds = 0.0
    for members in trunks.values():
        shared = 0
        for run in sorted(members, key=lambda run: float(run.config["schedule_tokens"])):
            steps = round(run.config["schedule_tokens"] / run.config["batch_tokens"])
            branch, last = branch_step(run.config["schedule"], steps), max(1, run.last["step"])
            own = max(0.0, 1 - min(shared, branch) / last)
            flops += own * run.last["flops"]
            seconds += own * run.last.get("seconds", 0.0)
            shared = max(shared, min(branch, last))
    return flops, seconds


def _left(planned: Cells, done: float, all_tuned: bool) -> float:
    """Operations that are left; a search that grew costs more than was planned, and then nobody knows."""
    return 0.0 if all_tuned else max(0.0, planned.flops - done)


def _search(runs: Iterable[RunStatus], tuned: Sequence[CellStatus], budgets: int) -> tuple[Search, float | None]:
    """How the search stands, and at which budget it is now."""
    known = {cell.budget for cell in tuned}
    open_runs = [run for run in runs if float(run.config["flops_budget"]) not in known]
    if not open_runs:
        return "tuned" if tuned and len(tuned) >= budgets else "waiting", None
    budget = min(float(run.config["flops_budget"]) for run in open_runs)
    ended = [run for run in open_runs if run.has_ended and float(run.config["flops_budget"]) == budget]
    losses = {float(run.config["lr"]): float(run.last.get("loss", math.nan)) for run in ended}
    if len(losses) < FEWEST_TRIED or not any(map(math.isfinite, losses.values())):
        return "searching", budget
    best = min(losses, key=lambda rate: losses[rate] if math.isfinite(losses[rate]) else math.inf)
    return "edge" if best in (min(losses), max(losses)) else "bracketed", budget
