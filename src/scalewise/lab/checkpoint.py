"""Checkpoints: one object per step, the step in its name, so that where a run stands is known without opening it.

A run has two: its trunk's, which runs of longer budgets go on from, and from the branch on its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from scalewise.errors import StudyError
from scalewise.lab.checkpoint_place import place_of
from scalewise.lab.objects import Folder, Objects
from scalewise.lab.recipe import Recipe
from scalewise.runs.store import Store

State = dict[str, Any]


@dataclass(frozen=True)
class Checkpoint:
    """The latest state of something that is trained. A new one replaces the old only once it is whole."""

    folder: Objects
    name: str

    def step(self) -> int:
        """The step of the latest state, 0 when there is none."""
        return max((int(name.rpartition("@")[2]) for name in self._names()), default=0)

    def save(self, step: int, state: State) -> None:
        import torch

        content = BytesIO()  # of a full disk torch's own writer says nothing that helps
        torch.save(state, content)
        self.folder.put(f"{self.name}@{step}", content.getvalue(), instead_of=f"{self.name}@")

    def load(self) -> State:
        """The latest state. Raises StudyError when it is not a whole checkpoint."""
        import torch

        name = f"{self.name}@{self.step()}"
        try:
            state: State = torch.load(BytesIO(self.folder.get(name)), map_location="cpu", weights_only=True)
        except StudyError:
            raise
        except Exception:  # of a file that is not one of its own torch says something else every time
            raise StudyError(
                f"{self.folder}/{name}.pt: is not a whole checkpoint; remove it, and what it held is trained again."
            ) from None
        return state

    def remove(self) -> None:
        for name in self._names():
            self.folder.remove(name)

    def _names(self) -> list[str]:
        return self.folder.names(f"{self.name}@")


def trunk_checkpoint(store: Store, recipe: Recipe) -> Checkpoint:
    return Checkpoint(place_of(store.path) or Folder(store.path / "trunks"), recipe.trunk)


def cooling_checkpoint(store: Store, recipe: Recipe) -> Checkpoint:
    elsewhere = place_of(store.path)
    if elsewhere:
        return Checkpoint(elsewhere, f"{recipe.name}-cooling")
    return Checkpoint(Folder(store.run(recipe.name).path), "cooling")


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
    elsewhere = place_of(store.path)
    if elsewhere:
        elsewhere.remove_all()
