"""Trains the suite a study declares: the chains ask for runs, workers train them in stacks.

A run that has ended is never trained again, so starting a killed study again replays the chains up to the place where
they stopped.
"""

import json
import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scalewise.errors import StudyError
from scalewise.lab.chain import Chain, chains_of
from scalewise.lab.checkpoint import position, remove_checkpoints, side_by_side
from scalewise.lab.checkpoint_place import chosen_place, mark_place, remember_place
from scalewise.lab.data.corpus import Corpus, corpus_of
from scalewise.lab.data.kept import is_kept, keep, kept
from scalewise.lab.environment import environment
from scalewise.lab.findings import Device
from scalewise.lab.locks import only_trainer
from scalewise.lab.places import Pool, check_place, pool_on
from scalewise.lab.places.here import warm_up
from scalewise.lab.plan import cells_of, check_budgets, repetition
from scalewise.lab.progress import LiveStatus
from scalewise.lab.recipe import Recipe
from scalewise.lab.status import Watched
from scalewise.lab.study import Study, load_study
from scalewise.lab.weights import prune_weights
from scalewise.runs.files import check_writable, write_text, write_whole
from scalewise.runs.store import DECLARED, Store

URL = re.compile(r"[a-z][a-z0-9+.-]+:/")
"""As a path it has lost a slash."""


@dataclass
class _Waiting:
    """A chain that waits for runs: those still missing, and the losses it has so far. `asked` are the operations of all
    runs that it has waited for."""

    chain: Chain
    missing: set[str]
    losses: dict[str, float]
    asked: float = 0.0
    failed: bool = False


def train_study(
    study_path: Path,
    directory: Path,
    workers: int | None = None,
    device: Device = "cpu",
    on: str = "here",
    checkpoints: str | None = None,
) -> Store:
    """Train a study into a folder, or go on with the one that is there.

    `on` says where: see `lab.places`. `checkpoints` is a folder or an address that fsspec knows, for checkpoints that
    are not kept in `directory`; a study that goes on keeps to the one it was begun with.

    Raises StudyError when the folder holds another study, was begun with other code, or is being trained into by
    another process, or when some runs failed; DiskFullError. KeyboardInterrupt leaves checkpoints from which the same
    call goes on.
    """
    study = load_study(study_path)
    check_place(on, device, study)
    check_folder(directory)
    checkpoints_in = chosen_place(directory, checkpoints, study.name)
    if on == "here":
        warm_up()
    corpus = _corpus(study, study_path, directory)
    study = study.on(corpus)
    check_budgets(study, corpus)
    directory.mkdir(parents=True, exist_ok=True)
    with only_trainer(directory):
        store = _open_store(study_path, corpus, directory, environment(device, on), checkpoints_in)

        def record(cell: dict[str, Any]) -> None:
            store.append_tuning(cell)
            if study.keep_weights != "all":
                prune_weights(store, cell, kept=cell["runs"] if study.keep_weights == "tuned" else ())

        chains = chains_of(study, corpus, record)
        with (
            LiveStatus(Watched(directory, cells_of(study, corpus))) as live,
            pool_on(on, store, workers, device, study.training.precision) as pool,
        ):
            if sentence := repetition(study, corpus):
                live.say(sentence)
            failed = _Suite(store, pool, live).drive(chains)
        if failed:
            first = f"{failed[0]}: {store.run(failed[0]).message()}"
            raise StudyError(
                f"{len(failed)} runs failed, and their sizes were not trained further (the first: {first}); the same "
                "command tries them again."
            )
        store.save_summary()
        remove_checkpoints(store)
    return store


class _Suite:
    """Feeds chains with losses and workers with stacks."""

    def __init__(self, store: Store, pool: Pool, live: LiveStatus) -> None:
        self.store, self.pool, self.live = store, pool, live
        self.waiting: list[_Waiting] = []
        self.queue: list[tuple[float, float, list[Recipe]]] = []
        """In order: the operations that its chain has asked for, less is earlier; those it still costs, more is."""
        self.failed: list[str] = []

    def drive(self, chains: list[Chain]) -> list[str]:
        """Run all chains to their ends; the names of runs that failed, whose chains went no further.

        The chain that has come least far goes on first, so that all end at about the same time and no worker is left
        with nothing to do; of its stacks, the one that costs most.
        """
        for chain in chains:
            self._advance(_Waiting(chain, set(), {}))
        while self.queue or self.pool.is_busy():
            while self.queue and self.pool.has_room():
                self.pool.start(self.queue.pop(0)[2])
            for stack in self.pool.wait(self.live.refresh):
                self._collect(stack)
        return self.failed

    def _advance(self, waiter: _Waiting) -> None:
        """Send a chain its losses; queue what it asks for next, unless that has been trained before."""
        while not waiter.missing:
            try:
                wanted = waiter.chain.send(waiter.losses) if waiter.losses else next(waiter.chain)
            except StopIteration:
                return
            waiter.asked += sum(recipe.flops for recipe in wanted)
            ended = {recipe.name: ended_loss(self.store, recipe) for recipe in wanted}
            waiter.losses = {name: loss for name, loss in ended.items() if loss is not None}
            waiter.missing = set(ended) - set(waiter.losses)
            stacks = self._stacks([recipe for recipe in wanted if recipe.name in waiter.missing])
            self.queue += [(waiter.asked, -_work(self.store, stack), stack) for stack in stacks]
            self.queue.sort(key=lambda queued: queued[:2])
        self.waiting.append(waiter)

    def _stacks(self, recipes: list[Recipe]) -> list[list[Recipe]]:
        """Runs that differ in rate, seed and clip only, and stand at the same step, are trained together, up to the
        width that is worth while here."""
        alike: dict[Recipe, list[Recipe]] = {}
        for recipe in recipes:
            alike.setdefault(replace(recipe, lr=0.0, seed=0, clip=0.0), []).append(recipe)
        stacks = []
        for shared, same in alike.items():
            most = self.pool.findings.members(shared)
            for group in side_by_side(self.store, same):
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


def _work(store: Store, stack: list[Recipe]) -> float:
    """Operations that a stack still costs."""
    done = position(store, stack[0]) / stack[0].steps
    return sum(recipe.flops for recipe in stack) * (1 - done)


def check_folder(directory: Path) -> None:
    """Raises ScalewiseError when a study cannot be kept there.

    Runs are appended to, locked and mapped into memory, none of which an object store can do.
    """
    if URL.match(str(directory)):
        address = str(directory).replace(":/", "://", 1)
        raise StudyError(
            f"--into {address}: is an address; name a folder, for a cluster one on a disk that all nodes see "
            "(only --checkpoints may be at an address)."
        )
    if directory.exists() and not directory.is_dir():
        raise StudyError(f"--into {directory}: is a file; name a folder.")
    check_writable(directory / DECLARED)


def _corpus(study: Study, study_path: Path, directory: Path) -> Corpus:
    """The corpus that the study in this folder was begun with, or that its file names."""
    return kept(directory) if is_kept(directory) else corpus_of(study.data, study_path)


def _open_store(
    study_path: Path, corpus: Corpus, directory: Path, here: dict[str, str], checkpoints_in: str | None
) -> Store:
    """The declaration is written last, so that a folder with one has all that is written when a study begins."""
    declared, begun_with = directory / DECLARED, directory / "environment.json"
    if declared.exists():
        if declared.read_bytes() != study_path.read_bytes():
            raise StudyError(f"{directory} holds another study than {study_path}; give another folder with --into.")
        begun = json.loads(begun_with.read_text(encoding="utf-8")) if begun_with.exists() else {}
        if begun.get("code") != here["code"]:
            raise StudyError(
                f"{directory} was begun with other training code (scalewise {begun.get('scalewise', 'before 0.1')}); "
                "install that version, or give another folder with --into."
            )
    else:
        (directory / "runs").mkdir(exist_ok=True)
        keep(corpus, directory)
        remember_place(directory, checkpoints_in)
        write_text(begun_with, json.dumps(here, indent=1))
        write_whole(declared, lambda path: path.write_bytes(study_path.read_bytes()))
    mark_place(directory)
    return Store(directory)
