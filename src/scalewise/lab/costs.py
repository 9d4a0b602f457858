"""What a study will cost on this machine: runs, operations, minutes and memory of every size, and of all together."""

from dataclasses import dataclass
from pathlib import Path

from scalewise.errors import MissingExtraError, StudyError
from scalewise.lab.declared import Data
from scalewise.lab.findings import Device


@dataclass(frozen=True)
class CellCost:
    """One size at one budget: a run's operations, tokens and passes over the text."""

    flops: float
    tokens: int
    epochs: float


@dataclass(frozen=True)
class SizeCost:
    """One size of one arm. `flops` are those of all its runs, tuning included; `minutes` are of one worker. `cells` are
    in the order of their budgets; `epochs` are the longest run's."""

    arm: str
    width: int
    depth: int
    params: int
    batch_tokens: int
    runs: int
    flops: float
    minutes: float
    memory_mb: float
    epochs: float
    cells: tuple[CellCost, ...]


@dataclass(frozen=True)
class Costs:
    """`minutes` and `memory_mb` are of `workers` at once. `unique_tokens` and `unique_bytes` are those of the training
    text, 0 where every token is fresh; `warning` says where text is read too often."""

    sizes: tuple[SizeCost, ...]
    flops_per_arm: dict[str, float]
    runs: int
    flops: float
    minutes: float
    workers: int
    memory_mb: float
    unique_tokens: int
    unique_bytes: int
    warning: str | None


def costs(path: Path, workers: int | None = None, device: Device = "cpu", within: Path | None = None) -> Costs:
    """Price a study file by a short probe of every size. With `within`, its text must lie in that folder or come with
    an installed package, so that a study from elsewhere makes nothing be read or downloaded.

    Raises StudyError, and MissingExtraError without PyTorch.
    """
    from importlib.util import find_spec

    from scalewise.lab.study import load_study

    declared = load_study(path)
    if within is not None:
        _check_text(declared.data, path, within)
    if find_spec("torch") is None:
        raise MissingExtraError("PyTorch", "train", "a plan")
    from scalewise.lab.compute import one_thread
    from scalewise.lab.data.corpus import corpus_of
    from scalewise.lab.findings import findings_here
    from scalewise.lab.forecast import forecasts, minutes_on
    from scalewise.lab.places.here import check, cores, gpus
    from scalewise.lab.plan import check_budgets, repetition

    check(device)
    corpus = corpus_of(declared.data, path)
    declared = declared.on(corpus)
    check_budgets(declared, corpus)
    one_thread()  # as a worker computes
    sizes = []
    foreseen = forecasts(declared, corpus, findings_here(device, declared.training.precision))
    for forecast in foreseen:
        cells, recipe = forecast.cells, forecast.cells.longest
        sizes.append(
            SizeCost(
                arm=cells.arm.name,
                width=recipe.shape.width,
                depth=recipe.shape.depth,
                params=recipe.shape.params,
                batch_tokens=recipe.batch_tokens,
                runs=len(cells.recipes),
                flops=cells.flops,
                minutes=forecast.minutes,
                memory_mb=forecast.memory_bytes / 1e6,
                epochs=cells.epochs(recipe),
                cells=tuple(
                    CellCost(budget, r.tokens, cells.epochs(r)) for budget, r in sorted(cells.by_budget().items())
                ),
            )
        )
    per_arm = {size.arm: sum(s.flops for s in sizes if s.arm == size.arm) for size in sizes}
    at_once = workers or len(gpus(device)) or cores()
    return Costs(
        sizes=tuple(sizes),
        flops_per_arm=per_arm,
        runs=sum(size.runs for size in sizes),
        flops=sum(per_arm.values()),
        minutes=minutes_on(at_once, foreseen),
        workers=at_once,
        memory_mb=at_once * max(size.memory_mb for size in sizes),
        unique_tokens=int(corpus.train.size),
        unique_bytes=int(corpus.text_bytes or corpus.train.nbytes),
        warning=repetition(declared, corpus),
    )


def _check_text(data: Data, path: Path, within: Path) -> None:
    """Raises StudyError for a text, or a tokenizer, that lies elsewhere."""
    from scalewise.lab.data.corpus import corpus_source
    from scalewise.lab.data.sources import NAMED
    from scalewise.lab.data.tasks import TASKS

    for named in (data.corpus, data.tokenizer):
        kind, _, place = corpus_source(named or "", path).rpartition(":")
        lies_within = kind != "hf" and Path(place).resolve().is_relative_to(within.resolve())
        if named and named not in NAMED and named not in TASKS and not lies_within:
            raise StudyError(
                f"data: '{named}' is not in the study's own folder, so it is not opened here; `scalewise plan` on the "
                "command line makes the plan."
            )
