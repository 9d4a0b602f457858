"""The architectures, one file each; `layout.py` says how weights lie in a row, `parts.py` what transformers share.

A model is two functions of a shape: which weights it has, and the logits that K models of that shape give. A new one is
a file here, a shape in `lab/shapes.py` and a line below.
"""

from typing import Protocol, cast

from torch import Tensor

from scalewise.lab.compute import Compute
from scalewise.lab.models.gpt2 import Gpt2
from scalewise.lab.models.layout import Weight, Weights
from scalewise.lab.models.llama import Llama
from scalewise.lab.models.lstm import Lstm
from scalewise.lab.models.universal import Universal
from scalewise.lab.recipe import Init
from scalewise.lab.shapes import Architecture, Shape, architecture_of


class Model(Protocol):
    """What every architecture can do."""

    def weights(self, init: Init) -> list[Weight]: ...
    def logits(self, weights: Weights, tokens: Tensor, compute: Compute) -> Tensor: ...
    def states(self, weights: Weights, tokens: Tensor, compute: Compute, layers: int | None = None) -> Tensor: ...


MODELS: dict[Architecture, type[Llama | Gpt2 | Universal | Lstm]] = {
    "llama": Llama,
    "gpt2": Gpt2,
    "universal": Universal,
    "lstm": Lstm,
}


def model_of(shape: Shape) -> Model:
    """The model of a shape."""
    build = cast("type[Model]", MODELS[architecture_of(shape)])
    return build(shape)  # type: ignore[call-arg]  # a protocol has no constructor of its own
