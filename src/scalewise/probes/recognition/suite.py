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
from scalewise.runs.trials import Trials

if TYPE_CHECKING:
    import polars as pl
    import torch

    from scalewise.probes.recognition.material import Material

GROUPS = ("pretrained", "from scratch")
MEASURES = ("recognition", "recall", "memory")
TUNING_PAIRS = 20
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
    costs."""

    trials: Trials
    recall: Trials
    memory: Trials


def run_recognition(plan: Plan, directory: Path) -> Measured:
    """Measure a plan into a folder, or go on with what is there; the same numbers either way.

    Every size studies both lists (the same pairs, roles swapped), so how hard an item is cancels out of the mean. The
    study rate is tuned for every size and group on pairs of its own. Raises StudyError where the folder holds another
    plan.
    """
    import polars as pl

    from scalewise.probes.recognition.losses import human_runs, judged
    from scalewise.probes.recognition.material import material_of
    from scalewise.probes.recognition.memories import memory_trials, recall_trials

    _open(plan, directory)
    material = material_of(plan.data, plan.pairs, plan.seed)
    tuning = material_of(plan.data, TUNING_PAIRS, plan.seed + 1_000_000)
    work = sum(_work(plan, size, material) for size in plan.sizes)
    with _one_thread(), Bar("measuring", work) as bar:
        tables = [table for size in plan.sizes for table in _measured(plan, size, material, tuning, directory, bar)]
    memories = [pl.read_parquet(directory / "memories" / f"{_named(size)}.parquet") for size in plan.sizes]
    measured = Measured(
        judged(pl.concat(tables), str(directory / "trials.parquet")),
        recall_trials(tables, str(directory / "recall.parquet")),
        memory_trials(memories, str(directory / "memory.parquet")),
    )
    for part in (measured.trials, measured.recall, measured.memory):
        part.save(Path(part.source))
    human_runs(measured.trials).save(directory / "runs.csv")
    return measured


def _named(size: Size) -> str:
    return f"w{size[0]}d{size[1]}"


def _open(plan: Plan, directory: Path) -> None:
    if directory.exists() and not directory.is_dir():
        raise StudyError(f"--into {directory}: is a file; name a folder.")
    declared = directory / "probe.json"
    content = json.dumps({"probe": "recognition", "measures": MEASURES} | asdict(plan), indent=1)
    if declared.exists() and declared.read_text(encoding="utf-8") != content:
        raise StudyError(f"{directory} holds another measurement than this one; give another folder with --into.")
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


def _work(plan: Plan, size: Size, material: "Material") -> float:
    """Operations of a size, in steps of one window, tuning taken as six short studies."""
    from scalewise.probes.recognition.study import PRETRAIN_BATCH, TUNED_EXPOSURES, shape_of

    items = 3 * plan.pairs
    study = 2 * 2 * plan.seeds * plan.exposures * items * 1.7
    tuning = 2 * 12 * TUNED_EXPOSURES * 3 * TUNING_PAIRS * 1.7
    windows = plan.seeds * plan.pretrain_steps * PRETRAIN_BATCH + study + tuning
    return windows * shape_of(*size, material).flops_per_token


def _measured(
    plan: Plan, size: Size, material: "Material", tuning: "Material", directory: Path, bar: Bar
) -> "list[pl.DataFrame]":
    """The item losses of one size in both groups; cells that are there are read."""
    import polars as pl

    from scalewise.probes.recognition.study import pretrained, shape_of

    name, work = _named(size), _work(plan, size, material)
    cells = {group: directory / "cells" / f"{name}-{group.replace(' ', '-')}.parquet" for group in GROUPS}
    if all(path.exists() for path in cells.values()):
        bar.skip(work)
        return [pl.read_parquet(path) for path in cells.values()]
    before = bar.done
    shape = shape_of(*size, material)
    seeds = [1_000 * plan.seed + i for i in range(plan.seeds)]
    starts = pretrained(
        shape, material, plan.pretrain_steps, seeds, directory, lambda share: bar.reach(before + 0.5 * share * work)
    )
    if len(starts) < plan.seeds:
        raise StudyError(f"{directory}: pretraining of {name} diverged; see {directory / 'runs'}.")
    for k, (group, path) in enumerate(cells.items()):
        if not path.exists():
            begun = 0.5 + 0.25 * k

            def tell(share: float, begun: float = begun) -> None:
                bar.reach(before + (begun + 0.25 * share) * work)

            table, rate = _cell(plan, size, group, starts if k == 0 else {}, material, tuning, directory, tell)
            write_whole(path, table.write_parquet)
            bar.console.print(f"{name} {group}: studied at rate {rate:.2g}", highlight=False)
    bar.reach(before + work)
    return [pl.read_parquet(path) for path in cells.values()]


def _cell(
    plan: Plan,
    size: Size,
    group: str,
    starts: "dict[int, torch.Tensor]",
    material: "Material",
    tuning: "Material",
    directory: Path,
    tell: Callable[[float], None],
) -> "tuple[pl.DataFrame, float]":
    """Tune the study rate, study both lists with every seed, and measure what is retained."""
    import polars as pl

    from scalewise.probes.recognition.memories import memory_table
    from scalewise.probes.recognition.study import Learner, loss_table, shape_of, studied, tuned_rate

    shape = shape_of(*size, material)
    seeds = [1_000 * plan.seed + i for i in range(plan.seeds)]
    tuned = tuned_rate(shape, tuning, starts.get(seeds[0]), seeds[0], plan.batch)
    Store(directory).append_tuning(
        {
            "group": group,
            "params": shape.params,
            "flops_budget": 0,
            "rates": {f"{2.0**e:.3g}": -loss for e, loss in tuned.losses.items()},
            "best": 2.0**tuned.best,
            "bracketed": tuned.bracketed,
        }
    )
    learners = [Learner(seed, side, 2.0**tuned.best, starts.get(seed)) for seed in seeds for side in (0, 1)]
    found = studied(shape, material, learners, plan.exposures, plan.batch, plan.updates, tell)
    named = (
        pl.lit(group).alias("group"),
        pl.lit(float(shape.params)).alias("params"),
        pl.format("{} {} s{} l{}", pl.lit(group), pl.lit(_named(size)), "seed", "list").alias("run"),
    )
    if group == GROUPS[0]:
        memories = memory_table(shape, material, tuning, learners, found, plan.seed).with_columns(named)
        write_whole(directory / "memories" / f"{_named(size)}.parquet", memories.write_parquet)
    return loss_table(found.looks, learners, material).with_columns(named), 2.0**tuned.best
