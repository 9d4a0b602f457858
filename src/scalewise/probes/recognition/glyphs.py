"""Glyphs drawn by program: a class is two or three curved strokes, an exemplar of it is those strokes, jittered."""

import numpy as np
from numpy.typing import NDArray

SIDE = 8
LEVELS = 4
JITTER = 0.06
PEN = 0.08
POINTS = 16
"""Points that are drawn along each stroke."""


def strokes(classes: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Control points of the classes' quadratic curves: (classes, 3 strokes, 3 points, 2). A missing third stroke lies
    on the second."""
    points = rng.uniform(0.1, 0.9, (classes, 3, 3, 2))
    two = rng.random(classes) < 0.5
    points[two, 2] = points[two, 1]
    return points


def exemplars(of: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.uint8]:
    """One exemplar of each row of control points: (rows, SIDE, SIDE) grey levels from 0 to LEVELS - 1."""
    points = of + rng.normal(0, JITTER, of.shape)
    t = np.linspace(0, 1, POINTS)
    basis = np.stack([(1 - t) ** 2, 2 * t * (1 - t), t**2])
    pen = np.einsum("nskc,kp->nspc", points, basis).reshape(len(of), -1, 2)
    centres = (np.arange(SIDE) + 0.5) / SIDE
    ink = np.empty((len(of), SIDE, SIDE))
    for rows in np.array_split(np.arange(len(of)), max(1, len(of) // 512)):
        dx = pen[rows, None, :, 0] - centres[:, None]
        dy = pen[rows, None, :, 1] - centres[:, None]
        squared = dy[:, :, None] ** 2 + dx[:, None] ** 2  # (rows, y, x, points)
        ink[rows] = np.exp(-squared.min(axis=-1) / (2 * PEN**2))
    return np.minimum(ink * LEVELS, LEVELS - 1).astype(np.uint8)
