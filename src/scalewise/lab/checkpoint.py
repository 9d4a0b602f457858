"""Checkpoints: one file per step, the step in its name, so that where a run stands is known without opening it.

A run has two: its trunk's, which runs of longer budgets go on from, and from the branch on its own.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from scalewise.lab.recipe import Recipe
from scalewise.runs.files import naming_a_full_disk
from scalewise.runs.store import Store

State = dict[str, Any]


@dataclass(frozen=True)
class Checkpoint:
    """The latest state of something that is trained. A new one replaces the old only once it is whole."""

    folder: Path
    name: str

    def step(self) -> int:
        """The step of the latest state, 0 when there is none."""
        return max((int(path.stem.rpartition("@")[2]) for path in self._files()), default=0)

    def save(self, step: int, state: State) -> None:
        import torch

        self.folder.mkdir(parents=True, exist_ok=True)
        older = self._files()
        path = self.folder / f"{self.name}@{step}.pt"
        beside = path.with_suffix(f".{os.getpid()}")
        content = BytesIO()  # of a full disk torch's own writer says nothing that helps
        torch.save(state, content)
        try:
            with naming_a_full_disk(self.folder):
                beside.write_bytes(content.getbuffer())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        for other in older:
            if other != path:
                other.unlink(missing_ok=True)

    def load(self) -> State:
        import torch

        state: State = torch.load(self.folder / f"{self.name}@{self.step()}.pt", weights_only=True)
        return state

    def remove(self) -> None:
        for path in self._files():
            path.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        return list(self.folder.glob(f"{self.name}@*.pt"))


def trunk_checkpoint(store: Store, recipe: Recipe) -> Checkpoint:
    return Checkpoint(store.path / "trunks", recipe.trunk)


def cooling_checkpoint(store: Store, recipe: Recipe) -> Checkpoint:
    return Checkpoint(store.run(recipe.name).path, "cooling")


def position(store: Store, recipe: Recipe) -> int:
    """The step from which a run goes on: of its own checkpoint, or of a trunk that is not yet past its branch."""
    own = cooling_checkpoint(store, recipe).step()
    shared = trunk_checkpoint(store, recipe).step()
    return own or (shared if shared <= recipe.branch_step else 0)


def side_by_side(store: Store, recipes: Sequence[Recipe]) -> list[list[Recipe]]:
    """The runs that stand at the same step, and can go on as one stack."""
    by_step: dict[int, list[Recipe]] = {}
    for recipe in recipes:
        by_step.setdefault(position(store, recipe), []).append(recipe)
    return list(by_step.values())


def remove_checkpoints(store: Store) -> None:
    """When a study has ended: trunks, and what kills have left half written."""
    for path in [*(store.path / "trunks").glob("*"), *store.path.glob("runs/*/cooling@*"), *store.path.rglob(".*.new")]:
        path.unlink(missing_ok=True)
