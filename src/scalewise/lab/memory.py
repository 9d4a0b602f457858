"""How much memory training takes: an estimate from what a step keeps."""

from scalewise.lab.recipe import Recipe
from scalewise.lab.shapes import Shape

BYTES_PER_PARAM = 4 * 4 + 2
"""Weight, gradient and two moments in fp32; the copy that computes in bf16."""
BYTES_PER_WIDTH = 34
"""Kept for the backward pass per position, layer and unit of width in 16 bit (Korthikanti et al. 2022, 2205.05198)."""
BYTES_PER_SCORE = 5
"""Kept per attention score in 16 bit (the same source)."""


def member_bytes(recipe: Recipe) -> float:
    """Of one model of a stack: its weights, their gradient and moments, and what a step on its batch keeps."""
    shape: Shape = recipe.shape
    scores = BYTES_PER_SCORE * getattr(shape, "heads", 0) * shape.context
    per_token = shape.depth * (BYTES_PER_WIDTH * shape.width + scores) + 10 * shape.vocabulary
    return BYTES_PER_PARAM * shape.params + per_token * recipe.batch_tokens
