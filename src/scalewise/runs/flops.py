"""How many operations training a model costs, counted in full from its shape.

The full count follows Chowdhery et al. 2022 (PaLM, arXiv 2204.02311, appendix B): a forward and a backward pass
take 6 operations per matrix parameter and token, and attention takes 12 · depth · width · context per token.
The last layer is a matrix and counts; the embedding is a lookup and does not.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass


@dataclass(frozen=True)
class Transformer(ABC):
    """The measures of a transformer, and what training it costs."""

    width: int
    depth: int
    heads: int
    feedforward: int
    vocabulary: int
    context: int

    @property
    @abstractmethod
    def _matrices(self) -> int:
        """Parameters of the blocks' matrices, each counted as often as a token meets it."""

    @property
    def flops_per_token(self) -> float:
        """Training operations per token, attention and last layer included."""
        attention = 12.0 * self.depth * self.width * self.context
        return 6.0 * (self._matrices + self.vocabulary * self.width) + attention


@dataclass(frozen=True)
class TransformerShape(Transformer):
    """A Llama-style transformer: RMSNorm, rotary positions, SwiGLU, untied embedding and last layer."""

    @property
    def _matrices(self) -> int:
        return self.depth * (4 * self.width**2 + 3 * self.width * self.feedforward)

    @property
    def params_no_embed(self) -> int:
        """Parameters without the embedding and the last layer (Kaplan et al. 2020, arXiv 2001.08361)."""
        return self._matrices + (2 * self.depth + 1) * self.width

    @property
    def params(self) -> int:
        """All trainable parameters: embedding, blocks with two gains each, final gain, last layer."""
        return self.params_no_embed + 2 * self.vocabulary * self.width
