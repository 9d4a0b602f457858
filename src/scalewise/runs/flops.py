"""How many operations training a model costs, counted in full from its shape.

The full count follows Chowdhery et al. 2022 (PaLM, arXiv 2204.02311, appendix B): a forward and a backward pass
take 6 operations per matrix parameter and token, and attention takes 12 · depth · width · context per token.
The last layer is a matrix and counts; the embedding is a lookup and does not.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class TransformerShape:
    """A Llama-style transformer: RMSNorm, rotary positions, SwiGLU, untied embedding and last layer."""

    width: int
    depth: int
    heads: int
    feedforward: int
    vocabulary: int
    context: int

    @property
    def embedding_params(self) -> int:
        return self.vocabulary * self.width

    @property
    def block_params(self) -> int:
        """Trainable parameters of all blocks: attention, feed-forward, two gains each."""
        attention = 4 * self.width**2
        feedforward = 3 * self.width * self.feedforward
        return self.depth * (attention + feedforward + 2 * self.width)

    @property
    def params(self) -> int:
        """All trainable parameters: embedding, blocks, final gain, last layer."""
        return 2 * self.embedding_params + self.block_params + self.width

    @property
    def params_no_embed(self) -> int:
        """Parameters without the embedding and the last layer (Kaplan et al. 2020, arXiv 2001.08361)."""
        return self.block_params + self.width

    @property
    def flops_per_token(self) -> float:
        """Training operations per token, attention and last layer included."""
        matrices = self.depth * (4 * self.width**2 + 3 * self.width * self.feedforward)
        last_layer = self.embedding_params
        attention = 12.0 * self.depth * self.width * self.context
        return 6.0 * (matrices + last_layer) + attention
