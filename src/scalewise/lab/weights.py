"""The weights a run ended with, kept beside its metrics so that the model can be used: published, probed, continued.

DIR/runs/RUN/weights@STEP.pt    the shape, and the fp32 weights as one flat row
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalewise.errors import StudyError
from scalewise.lab.checkpoint import Checkpoint
from scalewise.lab.objects import Folder
from scalewise.lab.shapes import SHAPES, Shape, architecture_of
from scalewise.runs.store import RunFolder, Store

if TYPE_CHECKING:
    from torch import Tensor

    from scalewise.lab.models.layout import Weights

NAME = "weights"


@dataclass(frozen=True)
class TrainedModel:
    """One model as a run left it: its shape, and its weights as a row (P,) in the order of `Layout`."""

    shape: Shape
    row: "Tensor"

    def weights(self) -> "Weights":
        """The weights by name, each (1, *size): a stack of one."""
        from scalewise.lab.models import model_of
        from scalewise.lab.models.layout import Layout

        return Layout(model_of(self.shape).weights("fan-in")).views(self.row[None])

    def logits(self, tokens: "Tensor") -> "Tensor":
        """Next-byte logits (B, T, V) in fp32 for byte tokens (B, T), T at most the shape's context."""
        import torch

        from scalewise.lab.compute import Compute
        from scalewise.lab.models import model_of

        with torch.no_grad():
            flat = model_of(self.shape).logits(self.weights(), tokens.long()[None], Compute())
        return flat.view(*tokens.shape, -1)

    def states(self, tokens: "Tensor", layers: int) -> "Tensor":
        """What the first `layers` blocks make of byte tokens (B, T): (B, T, width), fp32."""
        import torch

        from scalewise.lab.compute import Compute
        from scalewise.lab.models import model_of

        with torch.no_grad():
            flat = model_of(self.shape).states(self.weights(), tokens.long()[None], Compute(), layers)
        return flat.view(*tokens.shape, -1)


def keep_weights(folder: RunFolder, step: int, shape: Shape, row: "Tensor") -> None:
    """Keep what a run ended with."""
    content: dict[str, Any] = {"architecture": architecture_of(shape), "shape": asdict(shape)}  # type: ignore[call-overload]
    Checkpoint(Folder(folder.path), NAME).save(step, content | {"row": row.detach().cpu().clone()})


def has_weights(folder: RunFolder) -> bool:
    return Checkpoint(Folder(folder.path), NAME).step() > 0


def load_weights(folder: RunFolder) -> TrainedModel:
    """The model a run ended with. Raises StudyError when its weights were not kept."""
    kept = Checkpoint(Folder(folder.path), NAME)
    if not kept.step():
        raise StudyError(
            f"{folder.path}: the weights of this run were not kept; a study keeps those of its tuned rates, of all "
            'runs with keep_weights = "all", and of none with "none".'
        )
    state = kept.load()
    return TrainedModel(SHAPES[state["architecture"]](**state["shape"]), state["row"])


def prune_weights(store: Store, cell: dict[str, Any], kept: Iterable[str]) -> None:
    """Remove the weights of a tuned cell's runs, apart from those named."""
    kept = set(kept)
    place = ("group", "params", "flops_budget")
    for folder in store.runs():
        if folder.path.name not in kept and has_weights(folder):
            config = folder.config()
            if all(config[key] == cell[key] for key in place):
                Checkpoint(Folder(folder.path), NAME).remove()


def run_folder(path: Path) -> RunFolder:
    """The run a user names: its own folder, or a study's folder for the run with the lowest held-out loss.

    Raises StudyError when there is no run there, or none that has kept its weights.
    """
    if (path / "config.json").is_file() and path.parent.name == "runs":
        return RunFolder(path)
    if not Store.is_store(path):
        raise StudyError(f"{path}: is neither the folder of a run (STUDY/runs/RUN) nor that of a trained study.")
    losses = {
        folder.path: folder.metrics()[-1]["loss"]
        for folder in Store(path).runs()
        if folder.state() == "finished" and has_weights(folder)
    }
    if not losses:
        raise StudyError(f"{path}: no run of this study has ended and kept its weights.")
    return RunFolder(min(losses, key=lambda run: losses[run]))
