"""Trains the suite a study declares: every size at every budget, each tuned by the same search, then its seeds.

Each size is a chain of cells, one per compute budget; the rate that won at one budget is the centre of the search
at the next. Chains ask for runs, workers train them. A run that has ended is never trained again, so starting a
killed study again replays the chains up to the place where they stopped.
"""

import json
import math
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile

from scalewise.errors import StudyError
from scalewise.lab.data.corpus import Corpus, corpus_source, load_corpus
from scalewise.lab.environment import environment
from scalewise.lab.progress import SuiteProgress
from scalewise.lab.recipe import Recipe
from scalewise.lab.study import Size, Study, load_study
from scalewise.lab.tuning import Tuned, bracket
from scalewise.lab.workers import WorkerPool
from scalewise.runs.files import write_text
from scalewise.runs.store import Store

Chain = Generator[list[Recipe], dict[str, float], None]
"""Yields the recipes it needs next; is sent the final loss of each by run name."""
RecipeAt = Callable[[int], Recipe]
"""The recipe at one exponent of the rate grid."""


@dataclass
class _Waiting:
    """A chain that waits for runs: those still missing, and the losses it has so far."""

    chain: Chain
    missing: set[str]
    losses: dict[str, float]
    failed: bool = False


def train_study(study_path: Path, directory: Path, workers: int, device: str = "cpu") -> Store:
    """Train a study into a folder, or go on with the one that is there.

    Raises StudyError when the folder holds another study, is being trained into by another process, the corpus has
    changed since it was begun, or some runs failed. KeyboardInterrupt leaves checkpoints from which the same call goes
    on.
    """
    study = load_study(study_path)
    _check_device(device)
    source = corpus_source(study.data.corpus, study_path)
    corpus = load_corpus(source)
    store = _open_store(study_path, corpus, directory)
    chains = [_size_chain(study, size, corpus, store) for size in study.sizes]
    work = sum(_work(recipe) for size in study.sizes for recipe in _expected(study, size, corpus))
    with _locked(directory), SuiteProgress(work) as progress, WorkerPool(source, workers, device) as pool:
        write_text(directory / "environment.json", json.dumps(environment(device, workers), indent=1))
        failed = _drive(chains, store, pool, progress)
    if failed:
        first = f"{failed[0]}: {store.run(failed[0]).message()}"
        raise StudyError(
            f"{len(failed)} runs failed, and their sizes were not trained further (the first: {first}); the same "
            "command tries them again."
        )
    store.save_summary()
    return store


def _check_device(device: str) -> None:
    if device == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise StudyError("--device cuda: PyTorch finds no GPU here; leave the option out to train on the CPU.")


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """One process at a time trains into a folder; the lock falls when the process ends, however it ends."""
    import fcntl

    with (directory / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StudyError(f"{directory}: another process is training into this folder; wait for it.") from None
        yield


def _drive(chains: list[Chain], store: Store, pool: WorkerPool, progress: SuiteProgress) -> list[str]:
    """Feed the chains until all have ended; the names of runs that failed, whose chains went no further.

    The recipe that costs most is started first, to keep workers busy.
    """
    waiting: list[_Waiting] = []
    queue: dict[str, Recipe] = {}
    failed: list[str] = []

    def advance(waiter: _Waiting) -> None:
        """Send a chain its losses; queue what it asks for next, unless that has been trained before."""
        try:
            wanted = waiter.chain.send(waiter.losses) if waiter.losses else next(waiter.chain)
        except StopIteration:
            return
        waiter.losses, waiter.missing = {}, set()
        for recipe in wanted:
            ended = ended_loss(store, recipe)
            if ended is None:
                waiter.missing.add(recipe.name)
                queue[recipe.name] = recipe
            else:
                waiter.losses[recipe.name] = ended
                progress.skip(_work(recipe))
        if waiter.missing:
            waiting.append(waiter)
        else:
            advance(waiter)

    for chain in chains:
        advance(_Waiting(chain, set(), {}))
    while queue or pool.is_busy():
        while queue and pool.has_room():
            name = max(queue, key=lambda key: _work(queue[key]))
            progress.begin(name, _work(queue[name]))
            pool.start(queue.pop(name), store.run(name))
        for name, state in pool.wait(progress.update):
            loss = _final_loss(store, name) if state == "finished" else math.nan
            progress.finish(
                name, f"loss {loss:.4f}" if state == "finished" else f"{state}: {store.run(name).message()}"
            )
            waiter = next(w for w in waiting if name in w.missing)
            waiter.missing.discard(name)
            waiter.losses[name] = loss
            if state == "failed":  # never an argument against a learning rate: the chain waits for the next start
                failed.append(name)
                waiter.failed = True
            if not waiter.missing and not waiter.failed:
                waiting.remove(waiter)
                advance(waiter)
    return failed


def _size_chain(study: Study, size: Size, corpus: Corpus, store: Store) -> Chain:
    centre = study.first_rate_exponent(size)
    first, *others = study.tuning.seeds
    for budget in sorted(study.flops):

        def at(exponent: int, seed: int, budget: float = budget) -> Recipe:
            return study.recipe(size, budget, exponent, seed, corpus)

        tuned = yield from _tune(centre, lambda exponent: at(exponent, first))
        centre = tuned.best
        if others:
            yield [at(centre, seed) for seed in others]
        recipe = at(centre, first)
        store.append_tuning(
            {
                "group": recipe.group,
                "params": recipe.shape.params,
                "flops_budget": budget,
                "lr": recipe.lr,
                "losses": {f"{2.0**e:.6g}": loss for e, loss in sorted(tuned.losses.items())},
                "bracketed": tuned.bracketed,
            }
        )


def _tune(centre: int, recipe_at: RecipeAt) -> Generator[list[Recipe], dict[str, float], Tuned]:
    """Translate between the search, which speaks of exponents, and the chain, which speaks of recipes."""
    search = bracket(centre)
    exponents = next(search)
    while True:
        recipes = {exponent: recipe_at(exponent) for exponent in exponents}
        losses = yield list(recipes.values())
        try:
            exponents = search.send({e: losses[recipe.name] for e, recipe in recipes.items()})
        except StopIteration as end:
            tuned: Tuned = end.value
            return tuned


def ended_loss(store: Store, recipe: Recipe) -> float | None:
    """The final loss of a run that has ended (NaN if it diverged), or None."""
    state = store.run(recipe.name).state()
    if state == "finished":
        return _final_loss(store, recipe.name)
    return math.nan if state == "diverged" else None


def _final_loss(store: Store, name: str) -> float:
    return float(store.run(name).metrics()[-1]["loss"])


def _work(recipe: Recipe) -> float:
    """Estimated cost in operations; the fixed part per token is the overhead of small matrices on a CPU.

    Measured on two kinds of width (12 and 128) on one core: 2.5 us a token plus 1 s per 6e10 operations.
    """
    return recipe.tokens * (recipe.shape.flops_per_token + 150_000.0)


def _expected(study: Study, size: Size, corpus: Corpus) -> list[Recipe]:
    """The runs a size needs when no search grows: three rates, and the other seeds at the best."""
    count = 2 + len(study.tuning.seeds)
    centre = study.first_rate_exponent(size)
    return [study.recipe(size, budget, centre, 0, corpus) for budget in study.flops for _ in range(count)]


def _open_store(study_path: Path, corpus: Corpus, directory: Path) -> Store:
    if directory.exists() and not directory.is_dir():
        raise StudyError(f"--into {directory}: is a file; name a folder.")
    declared, recorded = directory / "study.toml", directory / "corpus.json"
    if declared.exists() and declared.read_bytes() != study_path.read_bytes():
        raise StudyError(f"{directory} holds another study than {study_path}; give another folder with --into.")
    if recorded.exists() and json.loads(recorded.read_text(encoding="utf-8"))["sha256"] != corpus.sha256:
        raise StudyError(f"{directory} was begun on another text than today's '{corpus.name}'; give another folder.")
    (directory / "runs").mkdir(parents=True, exist_ok=True)
    if not declared.exists():
        copyfile(study_path, declared)
        write_text(recorded, json.dumps(corpus.record, indent=1))
        write_text(directory / "corpus_files.csv", corpus.file_list)
    return Store(directory)
