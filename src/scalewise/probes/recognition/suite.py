"""Recognition memory at several sizes, with and without pretraining: cells that are trained once and kept.

DIR/probe.json             what is measured; another folder is for another measurement
DIR/pretrained/            weights after pretraining; runs/ holds its log and its checkpoints
DIR/cells/CELL.parquet     item losses of one size and group, and what is recalled
DIR/memories/CELL.parquet  of a pretrained size: what its weights and an external memory tell apart
DIR/tuning.jsonl           study rates tried, and which was best
DIR/trials.parquet, recall.parquet, memory.parquet, runs.csv   the result
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scalewise.errors import StudyError
from scalewise.runs.files import write_text, write_whole
from scalewise.runs.progress import Bar
from scalewise.runs.store import Store
from scalewise.runs.table import listed
from scalewise.runs.trials import Trials

if TYPE_CHECKING:
    import polars as pl
    import torch

    from scalewise.probes.recognition.material import Material

GROUPS = ("pretrained", "from scratch")
MEASURES = ("recognition", "recall", "memory")
TUNING_PAIRS = 20
STEP = 2.5e8
"""What a step of a stack costs beside its operations, and"""
DISTANCE = 200
"""what the memory's comparison of two states costs: in operations, on one core."""
Size = tuple[int, int]


@dataclass(frozen=True)
class Plan:
    """What is measured: on which data, at which sizes (width, depth), with how many pairs a condition, exposures and
    seeds, items per update of study, steps of pretraining, and after how many further updates."""

    data: str = "lines"
    sizes: tuple[Size, ...] = ((16, 2), (32, 2), (64, 2))
    pairs: int = 40
    exposures: int = 15
    seeds: int = 2
    batch: int = 4
    pretrain_steps: int = 400
    updates: tuple[int, ...] = (10, 100)
    seed: int = 0


@dataclass(frozen=True)
class Measured:
    """Pairs told apart by both rules; what is recalled; what weights and an external memory tell apart, and what it
    costs; what a reader must know of how it was measured."""

    trials: Trials
    recall: Trials
    memory: Trials
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Work:
    """What the parts of a size cost, in operations, for the time left."""

    pretraining: float
    tuning: float
    study: float
    memory: float

    def of(self, group: str) -> float:
        return self.tuning + self.study + (self.memory if group == "pretrained" else 0)

    @property
    def total(self) -> float:
        return self.pretraining + sum(self.of(group) for group in GROUPS)


def run_recognition(plan: Plan, directory: Path) -> Measured:
    """Measure a plan into a folder, or go on with what is there; the same numbers either way.

    Every size studies both lists (the same pairs, roles swapped), so how hard an item is cancels out of the mean. The
    study rate is tuned for every size and group on further pairs. Raises StudyError where the folder holds another
    plan, or other data.
    """
    import polars as pl

    from scalewise.probes.recognition.losses import human_runs, judged
    from scalewise.probes.recognition.material import material_of
    from scalewise.probes.recognition.memories import memory_trials, recall_trials

    material, tuning = material_of(plan.data, plan.pairs + TUNING_PAIRS, plan.seed).divided(plan.pairs)
    _open(plan, material, directory)
    work = sum(_work(plan, size, material).total for size in plan.sizes)
    with _one_thread(), Bar("measuring", work) as bar:
        tables = [table for size in plan.sizes for table in _measured(plan, size, material, tuning, directory, bar)]
    memories = [pl.read_parquet(directory / "memories" / f"{_named(size)}.parquet") for size in plan.sizes]
    measured = Measured(
        judged(pl.concat(tables), str(directory / "trials.parquet")),
        recall_trials(tables, str(directory / "recall.parquet")),
        memory_trials(memories, str(directory / "memory.parquet")),
        _notes(material, Store(directory)),
    )
    for part in (measured.trials, measured.recall, measured.memory):
        part.save(Path(part.source))
    human_runs(measured.trials).save(directory / "runs.csv")
    return measured


def _named(size: Size) -> str:
    return f"w{size[0]}d{size[1]}"


def _open(plan: Plan, material: "Material", directory: Path) -> None:
    if directory.exists() and not directory.is_dir():
        raise StudyError(f"--into {directory}: is a file; name a folder.")
    declared = directory / "probe.json"
    measured = {"probe": "recognition", "measures": MEASURES} | asdict(plan)
    content = json.dumps(measured | {"data": material.name, "sha256": material.sha256}, indent=1)
    if declared.exists() and declared.read_text(encoding="utf-8") != content:
        raise StudyError(
            f"{directory} holds another measurement than this one, or one of other data; "
            "give another folder with --into."
        )
    for folder in ("runs", "cells", "memories"):
        (directory / folder).mkdir(parents=True, exist_ok=True)
    write_text(declared, content)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Numbers do not depend on the machine's number of cores."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _work(plan: Plan, size: Size, material: "Material") -> Work:
    """Every step of a stack costs something beside its operations; a look is a third of a step on the same items."""
    from scalewise.probes.recognition.study import PRETRAIN_BATCH, TUNED_EXPOSURES, shape_of

    shape, learners = shape_of(*size, material), 2 * plan.seeds

    def steps(number: float, windows: float) -> float:
        return number * STEP + windows * shape.context * shape.flops_per_token

    def study(learners: int, items: int, exposures: int, further: int, looks: int) -> float:
        number = exposures * items / plan.batch + further
        return steps(number, learners * (number * plan.batch + looks * 2 * items / 3))

    items, tuned_on = 3 * plan.pairs, 3 * TUNING_PAIRS
    states = items * shape.context
    return Work(
        steps(plan.pretrain_steps, plan.pretrain_steps * plan.seeds * PRETRAIN_BATCH),
        study(10, tuned_on, TUNED_EXPOSURES, 0, 6) + study(2, tuned_on, TUNED_EXPOSURES, 0, 6),
        study(learners, items, plan.exposures, max(plan.updates, default=0), plan.exposures + 1 + len(plan.updates)),
        8 * learners * (states * states * DISTANCE + items * shape.context * shape.flops_per_token / 3),
    )


def _telling(bar: Bar, amount: float) -> Callable[[float], None]:
    """Tells a bar of a share of so much work."""
    begun = bar.done
    return lambda share: bar.reach(begun + share * amount)


def _measured(
    plan: Plan, size: Size, material: "Material", tuning: "Material", directory: Path, bar: Bar
) -> "list[pl.DataFrame]":
    """The item losses of one size in both groups; cells that are there are read."""
    import polars as pl

    from scalewise.probes.recognition.study import pretrained, shape_of

    name, work = _named(size), _work(plan, size, material)
    cells = {group: directory / "cells" / f"{name}-{group.replace(' ', '-')}.parquet" for group in GROUPS}
    if not cells["pretrained"].exists():
        shape, before = shape_of(*size, material), bar.done
        tell = _telling(bar, work.pretraining)
        starts = pretrained(shape, material, plan.pretrain_steps, _seeds(plan), directory, tell)
        if bar.done == before:
            bar.skip(work.pretraining)
        if len(starts) < plan.seeds:
            raise StudyError(f"{directory}: pretraining of {name} diverged; see {directory / 'runs'}.")
    else:
        starts = {}
        bar.skip(work.pretraining)
    for group, path in cells.items():
        if path.exists():
            bar.skip(work.of(group))
        else:
            own = starts if group == "pretrained" else {}
            write_whole(path, _cell(plan, size, group, own, material, tuning, directory, bar).write_parquet)
    return [pl.read_parquet(path) for path in cells.values()]


def _seeds(plan: Plan) -> list[int]:
    return [1_000 * plan.seed + i for i in range(plan.seeds)]


def _cell(
    plan: Plan,
    size: Size,
    group: str,
    starts: "dict[int, torch.Tensor]",
    material: "Material",
    tuning: "Material",
    directory: Path,
    bar: Bar,
) -> "pl.DataFrame":
    """Study both lists with every seed, and measure what is retained."""
    import polars as pl

    from scalewise.probes.recognition.memories import memory_table
    from scalewise.probes.recognition.study import Learner, loss_table, shape_of, studied

    name, shape, seeds, work = _named(size), shape_of(*size, material), _seeds(plan), _work(plan, size, material)
    rate = _rate(plan, size, group, starts.get(seeds[0]), tuning, Store(directory), _telling(bar, work.tuning))
    learners = [Learner(seed, side, rate, starts.get(seed)) for seed in seeds for side in (0, 1)]
    tell = _telling(bar, work.study)
    found = studied(shape, material, learners, plan.exposures, plan.batch, plan.updates, tell)
    tell(1.0)
    named = (
        pl.lit(group).alias("group"),
        pl.lit(float(shape.params)).alias("params"),
        pl.format("{} {} s{} l{}", pl.lit(group), pl.lit(name), "seed", "list").alias("run"),
    )
    if group == "pretrained":
        tell = _telling(bar, work.memory)
        memories = memory_table(shape, material, tuning, learners, found, plan.seed, tell).with_columns(named)
        write_whole(directory / "memories" / f"{name}.parquet", memories.write_parquet)
    bar.console.print(f"{name} {group}: studied at rate {rate:.2g}", highlight=False)
    return loss_table(found.looks, learners, material).with_columns(named)


def _rate(
    plan: Plan,
    size: Size,
    group: str,
    start: "torch.Tensor | None",
    tuning: "Material",
    store: Store,
    tell: Callable[[float], None],
) -> float:
    """The study rate of a cell, tuned unless it was before."""
    from scalewise.probes.recognition.study import shape_of, tuned_rate

    shape, named = shape_of(*size, tuning), f"{group}, {_named(size)}"
    known = next((row for row in store.tuning() if row["group"] == named), None)
    if known is None:
        tuned = tuned_rate(shape, tuning, start, _seeds(plan)[0], plan.batch, tell)
        known = {
            "group": named,
            "params": shape.params,
            "flops_budget": 0,
            "rates": {f"{2.0**e:.3g}": -loss for e, loss in tuned.losses.items()},
            "best": 2.0**tuned.best,
            "bracketed": tuned.bracketed,
        }
        store.append_tuning(known)
    tell(1.0)
    return float(known["best"])


def _notes(material: "Material", store: Store) -> tuple[str, ...]:
    """What was left out of the material, and whose study rate may be a better one beyond those tried."""
    edge = [str(row["group"]) for row in store.tuning() if not row["bracketed"]]
    return *material.notes, *([f"the best study rate is at the edge of those tried for {listed(edge)}"] if edge else [])
