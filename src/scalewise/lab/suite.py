"""Trains the suite a study declares: the chains ask for runs, workers train them in stacks.

A run that has ended is never trained again, so starting a killed study again replays the chains up to the place where
they stopped.
"""

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copyfile
from typing import Any

from scalewise.errors import StudyError
from scalewise.lab.chain import Chain, chains_of
from scalewise.lab.data.corpus import Corpus, corpus_source, load_corpus
from scalewise.lab.environment import environment
from scalewise.lab.findings import Findings, findings_of_study
from scalewise.lab.lock import locked
from scalewise.lab.plan import check_budgets, expected_flops
from scalewise.lab.progress import PROGRESS_FILE, SuiteProgress
from scalewise.lab.recipe import Recipe
from scalewise.lab.study import load_study
from scalewise.lab.weights import prune_weights
from scalewise.lab.workers import WorkerPool
from scalewise.runs.files import write_text
from scalewise.runs.store import Store


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
    check_device(device)
    source = corpus_source(study.data.corpus, study_path)
    corpus = load_corpus(source)
    check_budgets(study, corpus)
    store = _open_store(study_path, corpus, directory)

    def record(cell: dict[str, Any]) -> None:
        store.append_tuning(cell)
        if study.keep_weights != "all":
            prune_weights(store, cell, kept=cell["runs"] if study.keep_weights == "tuned" else ())

    chains = chains_of(study, corpus, record)
    with locked(directory):
        findings = findings_of_study(directory, device, study.training.precision)
        with (
            SuiteProgress(expected_flops(study, corpus), directory / PROGRESS_FILE) as progress,
            WorkerPool(source, workers, store, findings.compute) as pool,
        ):
            write_text(directory / "environment.json", json.dumps(environment(device, workers), indent=1))
            failed = _Suite(store, pool, progress, findings).drive(chains)
    if failed:
        first = f"{failed[0]}: {store.run(failed[0]).message()}"
        raise StudyError(
            f"{len(failed)} runs failed, and their sizes were not trained further (the first: {first}); the same "
            "command tries them again."
        )
    for trunk in (directory / "trunks").glob("*"):
        trunk.unlink()
    store.save_summary()
    return store


def check_device(device: str) -> None:
    if device == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise StudyError("--device cuda: PyTorch finds no GPU here; leave the option out to train on the CPU.")


class _Suite:
    """Feeds chains with losses and workers with stacks."""

    def __init__(self, store: Store, pool: WorkerPool, progress: SuiteProgress, findings: Findings) -> None:
        self.store, self.pool, self.progress, self.findings = store, pool, progress, findings
        self.waiting: list[_Waiting] = []
        self.queue: list[list[Recipe]] = []
        self.failed: list[str] = []

    def drive(self, chains: list[Chain]) -> list[str]:
        """Run all chains to their ends; the names of runs that failed, whose chains went no further.

        The stack that costs most is started first, to keep workers busy.
        """
        for chain in chains:
            self._advance(_Waiting(chain, set(), {}))
        while self.queue or self.pool.is_busy():
            while self.queue and self.pool.has_room():
                stack = max(self.queue, key=lambda stack: _work(self.store, stack))
                self.queue.remove(stack)
                self.progress.begin(stack[0].name, _work(self.store, stack))
                self.pool.start(stack)
            for stack in self.pool.wait(self.progress.update):
                self._collect(stack)
        return self.failed

    def _advance(self, waiter: _Waiting) -> None:
        """Send a chain its losses; queue what it asks for next, unless that has been trained before."""
        while not waiter.missing:
            try:
                wanted = waiter.chain.send(waiter.losses) if waiter.losses else next(waiter.chain)
            except StopIteration:
                return
            ended = {recipe.name: ended_loss(self.store, recipe) for recipe in wanted}
            waiter.losses = {name: loss for name, loss in ended.items() if loss is not None}
            waiter.missing = set(ended) - set(waiter.losses)
            self.progress.skip(sum(recipe.flops for recipe in wanted if recipe.name in waiter.losses))
            self.queue += self._stacks([recipe for recipe in wanted if recipe.name in waiter.missing])
        self.waiting.append(waiter)

    def _stacks(self, recipes: list[Recipe]) -> list[list[Recipe]]:
        """Runs that differ in rate, seed and clip only, and stand at the same step, are trained together, up to the
        width that is worth while here."""
        from scalewise.lab.engine import position

        alike: dict[tuple[Recipe, int], list[Recipe]] = {}
        for recipe in recipes:
            shared = replace(recipe, lr=0.0, seed=0, clip=0.0)
            alike.setdefault((shared, position(self.store, recipe)), []).append(recipe)
        stacks = []
        for (shared, _), group in alike.items():
            most = self.findings.members(shared.shape)
            stacks += [group[i : i + most] for i in range(0, len(group), most)]
        return stacks

    def _collect(self, stack: list[Recipe]) -> None:
        """Note how the runs of a stack ended; advance the chain that waited for them."""
        waiter = next(waiter for waiter in self.waiting if stack[0].name in waiter.missing)
        for recipe in stack:
            loss = ended_loss(self.store, recipe)
            waiter.missing.discard(recipe.name)
            waiter.losses[recipe.name] = math.nan if loss is None else loss
            if loss is None:  # never an argument against a learning rate: the chain waits for the next start
                self.failed.append(recipe.name)
                waiter.failed = True
        self.progress.finish(stack[0].name, [(recipe.name, _outcome(self.store, recipe)) for recipe in stack])
        if not waiter.missing:
            self.waiting.remove(waiter)
            if not waiter.failed:
                self._advance(waiter)


def ended_loss(store: Store, recipe: Recipe) -> float | None:
    """The final loss of a run that has ended (NaN if it diverged), or None."""
    state = store.run(recipe.name).state()
    if state == "finished":
        return float(store.run(recipe.name).metrics()[-1]["loss"])
    return math.nan if state == "diverged" else None


def _outcome(store: Store, recipe: Recipe) -> str:
    folder = store.run(recipe.name)
    loss = ended_loss(store, recipe)
    return f"{folder.state()}: {folder.message()}" if loss is None or math.isnan(loss) else f"loss {loss:.4f}"


def _work(store: Store, stack: list[Recipe]) -> float:
    """Operations that a stack still costs."""
    from scalewise.lab.engine import position

    done = position(store, stack[0]) / stack[0].steps
    return sum(recipe.flops for recipe in stack) * (1 - done)


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
