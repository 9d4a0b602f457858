"""One law for several groups of runs, with some parameters of their own: do two architectures share a slope?"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families.family import BoundFamily, Family, Parameter, Space

Floats = NDArray[np.float64]

PROBE = 1e-3
"""A step in the solver's coordinates that is seen in every parameter that depends on it."""
START_SHARE = 0.2
"""Starts differ between groups by this share of the prior's width."""


@dataclass(frozen=True, init=False)
class Grouped(Family):
    """A family whose last input is the number of a group, 0, 1, ...; `differing` parameters have a value in each.

    Coefficients are shared where the data lie, not at x = 1: if only an exponent differs, the groups' laws meet at
    the data's centre, and the coefficient printed for x = 1 differs too.
    """

    base: Family
    groups: int
    differing: tuple[str, ...]

    def __init__(self, base: Family, groups: int, differing: tuple[str, ...]) -> None:
        names = [p.name for p in base.parameters]
        unknown = [name for name in differing if name not in names]
        if unknown or not differing or len(set(differing)) < len(differing):
            raise ValueError(f"name the parameters that differ, each once, from {names}; got {differing}")
        if groups < 2:
            raise ValueError(f"parameters can differ between two groups or more, not {groups}")
        own = [
            Parameter(f"{p.name}[0]", f"{p.meaning}, group 0") if p.name in differing else p for p in base.parameters
        ]
        meanings = {p.name: p.meaning for p in base.parameters}
        others = [
            Parameter(f"{name}[{group}]", f"{meanings[name]}, group {group}")
            for name in differing
            for group in range(1, groups)
        ]
        super().__init__(
            name=f"{base.name}, {groups} groups",
            formula=f"{base.formula}, with {', '.join(differing)} of its own in each of {groups} groups",
            source=base.source,
            inputs=base.inputs + 1,
            parameters=(*own, *others),
        )
        object.__setattr__(self, "base", base)
        object.__setattr__(self, "groups", groups)
        object.__setattr__(self, "differing", tuple(differing))

    @property
    def scales(self) -> int:
        return self.base.scales

    def bind(self, x: Floats, y: Floats) -> "BoundGrouped":
        """The wrapped family is bound once, on the points of all groups."""
        present = np.unique(x[:, -1])
        if not np.array_equal(present, np.arange(self.groups)):
            raise ValueError(f"the last input must number the groups 0 to {self.groups - 1}, each present")
        bound = self.base.bind(x[:, :-1], y)
        return (_LogGrouped if bound.space == "log" else _LinearGrouped)(self, bound)


@dataclass(frozen=True)
class BoundGrouped(BoundFamily):
    """The wrapped coordinates for group 0, then each differing one's distance from it in groups 1, 2, ...

    A group's own coordinates are held within the wrapped family's bounds.
    """

    family: Grouped
    base: BoundFamily

    @cached_property
    def _places(self) -> list[int]:
        """Where the differing parameters stand in the wrapped theta."""
        names = [p.name for p in self.family.base.parameters]
        return [names.index(name) for name in self.family.differing]

    def _repeat(self, values: Floats) -> Floats:
        """Values of the differing coordinates, once for each other group."""
        return np.repeat(values[self._places], self.family.groups - 1)

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        low, high = self.base.bounds
        width = self._repeat(high - low)
        return np.append(low, -width), np.append(high, width)

    @property
    def prior(self) -> tuple[Floats, Floats]:
        """The wrapped prior; groups differ about 0, by as much as the prior leaves open."""
        mean, spread = self.base.prior
        away = self._repeat(spread)
        return np.append(mean, np.zeros_like(away)), np.append(spread, away)

    def starts(self, count: int, rng: np.random.Generator) -> Floats:
        start = self.base.starts(count, rng)
        away = self._repeat(self.base.prior[1])
        away = START_SHARE * np.where(np.isfinite(away), away, 0.0)
        return np.concatenate([start, rng.normal(0.0, 1.0, (count, away.size)) * away], axis=1)

    def _deltas(self, group: int) -> list[int]:
        """Where a group's distances stand in theta."""
        others = self.family.groups - 1
        first = len(self.family.base.parameters) + group - 1
        return [first + others * i for i in range(len(self._places))]

    def _of_group(self, theta: Floats, group: int) -> tuple[Floats, NDArray[np.bool_]]:
        """The wrapped theta of one group, and where it is free to move."""
        own = theta[:, : len(self.family.base.parameters)].copy()
        if group > 0:
            own[:, self._places] += theta[:, self._deltas(group)]
        low, high = self.base.bounds
        return np.clip(own, low, high), (own >= low) & (own <= high)

    def evaluate(self, theta: Floats, x: Floats) -> Floats:
        inputs, member = x[..., :-1], x[..., -1]
        value = np.empty((theta.shape[0], x.shape[-2]))
        for group in range(self.family.groups):
            own, _ = self._of_group(theta, group)
            inside = member == group
            if x.ndim == 2:
                value[:, inside] = self.base.evaluate(own, inputs[inside])
            else:
                value = np.where(inside, self.base.evaluate(own, inputs), value)
        return value

    def evaluate_with_jacobian(self, theta: Floats, x: Floats) -> tuple[Floats, Floats]:
        value = np.empty((theta.shape[0], x.shape[0]))
        jacobian = np.zeros((theta.shape[0], theta.shape[1], x.shape[0]))
        shared = len(self.family.base.parameters)
        for group in range(self.family.groups):
            own, free = self._of_group(theta, group)
            inside = np.flatnonzero(x[:, -1] == group)
            value[:, inside], derivative = self.base.evaluate_with_jacobian(own, x[inside, :-1])
            derivative = derivative * free[:, :, None]
            jacobian[:, :shared, inside] = derivative
            if group > 0:
                for place, delta in zip(self._places, self._deltas(group), strict=True):
                    jacobian[:, delta, inside] = derivative[:, place]
        return value, jacobian

    @cached_property
    def _split(self) -> set[str]:
        """Which of the formula's parameters differ between groups: the named ones, and those computed from them."""
        low, high = self.base.bounds
        here = self.base.starts(1, np.random.default_rng(0))
        moved = here.copy()
        for place in self._places:
            moved[:, place] += PROBE if here[0, place] + PROBE < high[place] else -PROBE
        before, after = self.base.natural(here), self.base.natural(np.clip(moved, low, high))
        return {name for name in before if before[name][0] != after[name][0]} | set(self.family.differing)

    def natural(self, theta: Floats) -> dict[str, Floats]:
        """The formula's parameters; those that differ carry the number of their group, as in alpha[1]."""
        groups = [self.base.natural(self._of_group(theta, group)[0]) for group in range(self.family.groups)]
        values: dict[str, Floats] = {}
        for name in groups[0]:
            if name in self._split:
                values |= {f"{name}[{group}]": own[name] for group, own in enumerate(groups)}
            else:
                values[name] = groups[0][name]
        return values


@dataclass(frozen=True)
class _LogGrouped(BoundGrouped):
    space: ClassVar[Space] = "log"


@dataclass(frozen=True)
class _LinearGrouped(BoundGrouped):
    space: ClassVar[Space] = "linear"
