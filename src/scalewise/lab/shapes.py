"""The shapes of the architectures: what a model costs, counted in full without building it.

The Llama-style shape is `runs.flops.TransformerShape`; here are the others, counted by the same rules: 6 operations per
matrix parameter and token, 12 · depth · width · context for attention, the last layer in, the embedding lookup out.
"""

from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from scalewise.runs.flops import Transformer, TransformerShape

Architecture = Literal["llama", "gpt2", "universal", "lstm"]
ARCHITECTURES: tuple[Architecture, ...] = get_args(Architecture)


class Shape(Protocol):
    """What every shape tells."""

    @property
    def width(self) -> int: ...
    @property
    def depth(self) -> int: ...
    @property
    def vocabulary(self) -> int: ...
    @property
    def context(self) -> int: ...
    @property
    def params(self) -> int: ...
    @property
    def params_no_embed(self) -> int: ...
    @property
    def flops_per_token(self) -> float: ...


@dataclass(frozen=True)
class Gpt2Shape(Transformer):
    """GPT-2 as nanoGPT trains it: LayerNorm, learned positions, GELU, no biases, embedding tied to the last layer."""

    @property
    def _matrices(self) -> int:
        return self.depth * (4 * self.width**2 + 2 * self.width * self.feedforward)

    @property
    def params_no_embed(self) -> int:
        return self._matrices + (2 * self.depth + 1) * self.width

    @property
    def params(self) -> int:
        return self.params_no_embed + (self.vocabulary + self.context) * self.width


@dataclass(frozen=True)
class UniversalShape(Transformer):
    """A Universal Transformer (Dehghani et al. 2018, arXiv 1807.03819) without halting: one Llama-style block applied
    `depth` times, a learned vector added before each. Parameters are counted once, operations as often as done."""

    @property
    def _block_matrices(self) -> int:
        return 4 * self.width**2 + 3 * self.width * self.feedforward

    @property
    def _matrices(self) -> int:
        return self.depth * self._block_matrices

    @property
    def params_no_embed(self) -> int:
        return self._block_matrices + (self.depth + 3) * self.width

    @property
    def params(self) -> int:
        return self.params_no_embed + 2 * self.vocabulary * self.width


@dataclass(frozen=True)
class LstmShape:
    """`depth` LSTM layers (Hochreiter & Schmidhuber 1997) as PyTorch defines them, embedding and last layer untied."""

    width: int
    depth: int
    vocabulary: int
    context: int

    @property
    def _matrices(self) -> int:
        return 8 * self.depth * self.width**2

    @property
    def params_no_embed(self) -> int:
        return self._matrices + 8 * self.depth * self.width

    @property
    def params(self) -> int:
        return self.params_no_embed + 2 * self.vocabulary * self.width

    @property
    def flops_per_token(self) -> float:
        return 6.0 * (self._matrices + self.vocabulary * self.width)


AnyShape = TransformerShape | Gpt2Shape | UniversalShape | LstmShape
SHAPES: dict[Architecture, type[AnyShape]] = {
    "llama": TransformerShape,
    "gpt2": Gpt2Shape,
    "universal": UniversalShape,
    "lstm": LstmShape,
}


def architecture_of(shape: Shape) -> Architecture:
    """Which architecture a shape belongs to."""
    return next(name for name, kind in SHAPES.items() if isinstance(shape, kind))
