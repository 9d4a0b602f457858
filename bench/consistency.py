"""How often 95 % intervals of the dialogue probe hold what was planted, with as few scenarios as people have.

python bench/consistency.py [--worlds 400]: three repeats of a plain question and of one guise, in worlds that differ in
how scenarios differ. Shown: difference (of the share of yes), flips (beyond repeats) and share (of yes in the guise),
and for the difference also what percentiles of resampled scenarios would have held.
"""

import argparse
from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scalewise.questions.consistency.effects import effects
from scalewise.questions.consistency.intervals import share_interval
from scalewise.runs.trials import trials_from

Floats = NDArray[np.float64]
REPEATS = 3


def flipped(rng: np.random.Generator, count: int, chance: float) -> tuple[Floats, Floats]:
    plain = (rng.random(count) < 0.4).astype(float)
    return plain, np.where(rng.random(count) < chance, 1 - plain, plain)


Draw = Callable[[np.random.Generator, int], tuple[Floats, Floats]]
WORLDS: dict[str, tuple[Draw, float, float, float]] = {
    ".2 plainly, .9 in a story, everywhere": (lambda _, n: (np.full(n, 0.2), np.full(n, 0.9)), 0.7, 0.49, 0.9),
    ".05 plainly, .1 in a story, everywhere": (lambda _, n: (np.full(n, 0.05), np.full(n, 0.1)), 0.05, 0.0025, 0.1),
    ".5 either way, everywhere": (lambda _, n: (np.full(n, 0.5), np.full(n, 0.5)), 0.0, 0.0, 0.5),
    ".02 plainly, .98 in a story, everywhere": (lambda _, n: (np.full(n, 0.02), np.full(n, 0.98)), 0.96, 0.9216, 0.98),
    "certain answers, a tenth flips": (lambda rng, n: flipped(rng, n, 0.1), 0.02, 0.1, 0.42),
    "certain answers, three tenths flip": (lambda rng, n: flipped(rng, n, 0.3), 0.06, 0.3, 0.46),
    "any chances, unrelated": (lambda rng, n: (rng.random(n), rng.random(n)), 0.0, 1 / 6, 0.5),
}
"""How chances are drawn, and the true difference, flips and share."""


def held(seed: int, scenarios: int, world: str) -> list[bool]:
    draw, *truths = WORLDS[world]
    rng = np.random.default_rng(seed)
    chances = draw(rng, scenarios)
    yes = [rng.random((scenarios, REPEATS)) < chance[:, None] for chance in chances]
    rows = [
        {"run": "m", "item": f"{c}/{s}", "cluster": str(s), "scenario": str(s), "condition": c, "repeat": r}
        | {"value": float(answers[s, r])}
        for c, answers in zip(("baseline", "story"), yes, strict=True)
        for s, r in np.ndindex(scenarios, REPEATS)
    ]
    trials = trials_from(pl.DataFrame(rows), "planted")
    (found,) = effects(trials, seed, ("story",))
    share = trials.to_runs("share", by=("condition",)).table.filter(pl.col("condition") == "story").row(0, named=True)
    ends = [found.effect[1:], (found.flips or (0.0, 0.0, 0.0))[1:]]
    ends.append(share_interval(share["share"], share["se"], share["n_clusters"], share["n_items"]))
    moved = yes[1].mean(axis=1) - yes[0].mean(axis=1)
    resampled = moved[rng.integers(0, scenarios, (400, scenarios))].mean(axis=1)
    ends.append(tuple(np.quantile(resampled, (0.025, 0.975))))
    return [
        bool(low - 1e-9 <= truth <= high + 1e-9) for (low, high), truth in zip(ends, [*truths, truths[0]], strict=True)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=400)
    worlds = parser.parse_args().worlds
    print(f"{'world':42s} {'scenarios':>9s} {'difference':>10s} {'flips':>6s} {'share':>6s} {'percentiles':>11s}")
    for world in WORLDS:
        for scenarios in (8, 16, 40):
            shares = 100 * np.mean([held(seed, scenarios, world) for seed in range(worlds)], axis=0)
            difference, flips, share, percentiles = (f"{value:.0f} %" for value in shares)
            print(
                f"{world:42s} {scenarios:9d} {difference:>10s} {flips:>6s} {share:>6s} {percentiles:>11s}", flush=True
            )


if __name__ == "__main__":
    main()
