"""Checkpoints: one file per step, the step in its name, so that where a run stands is known without opening it."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
        try:
            torch.save(state, beside)
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
