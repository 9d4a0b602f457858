"""Effects of changes by least squares: single changes, pairs of them, and all together, in logarithms."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from scalewise.questions.gains.scale import Floats, Linear, some_noise

Term = frozenset[int]
"""The changes that must all be made for a term to count."""
NEGLIGIBLE = 1e-7


@dataclass(frozen=True)
class Table:
    """Log levels h (rows,), changes made (rows, changes), and the block (rows,) that shares a seed's luck.

    `noise` is the known standard deviation of h between seeds; None where the rows must show it.
    """

    names: list[str]
    h: Floats
    made: NDArray[np.bool_]
    block: NDArray[np.int64]
    noise: float | None

    @property
    def together(self) -> Term:
        return frozenset(range(len(self.names)))


@dataclass(frozen=True)
class Model:
    """A least-squares fit. `basis` (rank, terms) spans what the design can tell, `spread` (rank,) how well."""

    terms: list[Term]
    estimate: Floats
    basis: Floats
    spread: Floats
    noise: float | None
    freedom: float | None

    def effect(self, weights: dict[Term, float]) -> Linear | None:
        """A weighted sum of terms; None where the design cannot tell it from others."""
        vector = self._vector(weights)
        inside = self.basis @ vector
        if np.linalg.norm(vector - inside @ self.basis) > NEGLIGIBLE * max(1.0, float(np.linalg.norm(vector))):
            return None
        error = None if self.noise is None else self.noise * float(np.linalg.norm(inside / self.spread))
        return Linear(float(vector @ self.estimate), error, self.freedom)

    def alone(self, change: int) -> Linear | None:
        """The gain of one change by itself."""
        return self.effect({frozenset([change]): 1.0})

    def on_top(self, change: int) -> Linear | None:
        """The gain of one change when all others are made: what leaving it out loses."""
        return self.effect({term: 1.0 for term in self.terms if change in term})

    def average(self, change: int) -> Linear | None:
        """The main effect: its gain averaged over the others made and not made."""
        return self.effect({term: 0.5 ** (len(term) - 1) for term in self.terms if change in term})

    def of(self, changes: Term) -> Linear | None:
        """The gain of making exactly these changes."""
        return self.effect({term: 1.0 for term in self.terms if term <= changes})

    def draws(self, effects: list[dict[Term, float]], count: int, rng: np.random.Generator) -> Floats:
        """(count, effects): draws from the joint sampling distribution, Student's t where the noise is estimated.

        Every effect must be one that the design can tell.
        """
        vectors = np.stack([self._vector(weights) for weights in effects])
        scaled = (vectors @ self.basis.T) / self.spread * (self.noise or 0.0)
        normal = rng.standard_normal((count, self.spread.size)) @ scaled.T
        if self.freedom is not None:
            normal *= np.sqrt(self.freedom / rng.chisquare(self.freedom, (count, 1)))
        drawn: Floats = vectors @ self.estimate + normal
        return drawn

    def _vector(self, weights: dict[Term, float]) -> Floats:
        return np.array([weights.get(term, 0.0) for term in self.terms])


def fitted(table: Table) -> tuple[Model, bool]:
    """The richest model whose single gains the design can tell, and whether it also tells all changes together.

    First every pair of changes may interact, and all together by something of its own; then pairs only; at last
    changes may only add up, which then cannot be tested.
    """
    changes = range(len(table.names))
    singles = [frozenset([c]) for c in changes]
    pairs = [frozenset(two) for two in combinations(changes, 2)]
    richer = [[*singles, *pairs, table.together]] if len(singles) > 2 else []
    for terms in [*richer, [*singles, *pairs]]:
        model = _fit(table, terms)
        if model.of(table.together) is not None and all(model.alone(c) is not None for c in changes):
            return model, True
    return _fit(table, singles), False


def _fit(table: Table, terms: list[Term]) -> Model:
    columns = np.stack([table.made[:, sorted(term)].all(axis=1) for term in terms], axis=1).astype(np.float64)
    blocks = int(table.block.max()) + 1
    left, size, right = np.linalg.svd(_within(columns, table.block, blocks), full_matrices=False)
    rank = int(np.sum(size > NEGLIGIBLE * max(1.0, float(size[0]))))
    left, size, basis = left[:, :rank], size[:rank], right[:rank]
    h = _within(table.h[:, None], table.block, blocks)[:, 0]
    projected = left.T @ h
    freedom = table.h.size - blocks - rank
    noise = table.noise
    if noise is None and freedom > 0:
        noise = some_noise(float(np.sum((h - left @ projected) ** 2)), freedom)
    return Model(
        terms, basis.T @ (projected / size), basis, size, noise, None if table.noise is not None else float(freedom)
    )


def blocks_of(seeds: list[str] | None, made: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(rows,): rows of one seed share its luck, where seeds pair the runs; otherwise one block.

    Seeds pair them if comparing within seeds can tell all that comparing across them can.
    """
    one = np.zeros(len(made), dtype=np.int64)
    if seeds is None:
        return one
    block = np.unique(np.array(seeds), return_inverse=True)[1].astype(np.int64)
    cells = np.unique(made, axis=0, return_inverse=True)[1].ravel()
    dummies = np.eye(int(cells.max()) + 1)[cells]
    ranks = [np.linalg.matrix_rank(_within(dummies, b, int(b.max()) + 1)) for b in (block, one)]
    return block if ranks[0] == ranks[1] else one


def _within(columns: Floats, block: NDArray[np.int64], blocks: int) -> Floats:
    """Columns (rows, any) less their means within blocks."""
    sums = np.zeros((blocks, columns.shape[1]))
    np.add.at(sums, block, columns)
    return columns - (sums / np.bincount(block, minlength=blocks)[:, None])[block]
