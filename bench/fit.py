"""Fit Chinchilla's law to 240 points and bootstrap it 4000 times: ours against what users run, on one thread.

    python bench/fit.py [--simple-scaling-laws REQUIREMENT] [--checked RESAMPLES]

Rounds alternate: ours (`fit_law`: 64 random starts, then the bootstraps), a tuned SciPy loop in this process, and two
peers in processes of their own that stay alive, in an environment that is made once in the user's cache. Every second
counts work only, no imports. All but `simple-scaling-laws` minimise the same objective, the sum of Huber losses of log
residuals, on the same resamples. REQUIREMENT is what pip installs as that package. Then every warm-started refit of
round 0 is compared with the best of 40 random restarts. Reads the Chinchilla points beside the repository when they
are there, else draws 240 points from the published law, which cost the same. About three minutes.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from peers.process import Peer, PeerError
from peers.scipy_loop import optima
from restarts import CLOSE, RESTARTS, compare
from scalewise.laws.families import CHINCHILLA
from scalewise.laws.fit import STARTS, fit_law
from scalewise.laws.resample import cluster_weights
from scalewise.laws.solver import Problem, solve

Floats = NDArray[np.float64]
POINTS = Path(__file__).resolve().parents[2] / "shared" / "data" / "chinchilla_epoch" / "runs.csv"
RESAMPLES = 4000
LOOP_RESAMPLES, EPOCH_RESAMPLES = 400, 100
"""Loops are timed on a part of each round's resamples and scaled: they take the same time for each."""
ROUNDS = 5


def points() -> tuple[Floats, Floats, str]:
    """params and tokens (points, 2), and losses."""
    if POINTS.exists():
        import polars as pl

        table = pl.read_csv(POINTS).filter(pl.col("published_fit_uses") == 1)
        params, flops = table["params"].to_numpy(), table["flops"].to_numpy()
        return np.stack([params, flops / (6 * params)], axis=1), table["loss"].to_numpy(), "the Chinchilla points"
    rng = np.random.default_rng(0)
    x = np.exp(np.stack([rng.uniform(17.5, 23.5, 240), rng.uniform(20.5, 26.5, 240)], axis=1))
    loss = 1.8172 + 477.8 / x[:, 0] ** 0.3473 + 2143 / x[:, 1] ** 0.3672
    return x, loss * np.exp(rng.normal(0, 0.005, 240)), "240 drawn points"


@dataclass
class Rival:
    """A peer: what to print of it, and `turn`, its scaled seconds and its objectives, if they are comparable."""

    name: str
    note: str
    goal: float | None
    turn: Callable[[int, Floats], tuple[float, Floats]]
    seconds: list[float] = field(default_factory=list)
    above: list[float] = field(default_factory=list)
    """Its objectives, relative to ours, less 1."""


def scipy_rival(x: Floats, y: Floats, theta: Floats) -> Rival:
    def turn(round_number: int, weights: Floats) -> tuple[float, Floats]:
        started = time.perf_counter()
        found = optima(theta, x, y, weights[:LOOP_RESAMPLES])
        return (time.perf_counter() - started) * RESAMPLES / LOOP_RESAMPLES, found

    note = f"warm start at the optimum, analytic gradient; bootstraps only, {LOOP_RESAMPLES} a round, scaled"
    return Rival("SciPy L-BFGS-B loop", note, None, turn)


def epoch_rival(x: Floats, y: Floats) -> Rival:
    peer = Peer("epoch_bfgs", "autograd", [], {"x": x.tolist(), "y": y.tolist()})

    def turn(round_number: int, weights: Floats) -> tuple[float, Floats]:
        answer = peer.ask({"weights": weights[:EPOCH_RESAMPLES].astype(int).tolist()})
        return answer["seconds"] * RESAMPLES / EPOCH_RESAMPLES, np.array(answer["objective"])

    note = f"BFGS with {peer.name} from Hoffmann et al.'s fit; bootstraps only, {EPOCH_RESAMPLES} a round, scaled"
    return Rival("Epoch's bootstraps", note, 150, turn)


def squares_rival(x: Floats, y: Floats, requirement: str) -> Rival:
    peer = Peer("weighted_squares", requirement, ["pyyaml"], {"x": x.tolist(), "y": y.tolist()})

    def turn(round_number: int, weights: Floats) -> tuple[float, Floats]:
        return peer.ask({"draws": RESAMPLES, "seed": round_number})["seconds"], np.empty(0)

    note = "an easier problem: weighted least squares of the loss itself, its own wild bootstrap; fit + all draws"
    return Rival(peer.name, note, 8, turn)


def rivals(x: Floats, y: Floats, theta: Floats, requirement: str) -> list[Rival]:
    """Every peer that can be had; the others are named with the reason."""
    makers: list[Callable[[], Rival]] = [
        lambda: scipy_rival(x, y, theta[0]),
        lambda: epoch_rival(x, y),
        lambda: squares_rival(x, y, requirement),
    ]
    found = []
    for make in makers:
        try:
            found.append(make())
        except PeerError as error:
            print(f"left out: {error}")
    return found


def play(x: Floats, y: Floats, theta: Floats, peers: list[Rival]) -> list[float]:
    """Our seconds in each round; each peer keeps its own."""
    ours = []
    for round_number in range(ROUNDS):
        started = time.perf_counter()
        fit_law(CHINCHILLA, x, y, resamples=RESAMPLES, seed=round_number)
        ours.append(time.perf_counter() - started)
        weights = resampled(y, round_number)
        reached = refitted(x, y, theta, weights)
        for peer in peers:
            seconds, objective = peer.turn(round_number, weights)
            peer.seconds.append(seconds)
            peer.above.extend(objective / reached[: objective.size] - 1)
    return ours


def resampled(y: Floats, round_number: int) -> Floats:
    return cluster_weights(np.arange(y.size), RESAMPLES, np.random.default_rng(round_number))


def refitted(x: Floats, y: Floats, theta: Floats, weights: Floats) -> Floats:
    """Our objectives on these resamples."""
    problem = Problem(x, np.log(y)[None], weights)
    return solve(CHINCHILLA.bind(x, y), problem, np.repeat(theta, len(weights), axis=0)).objective


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the fit and 4000 bootstraps of Chinchilla's law.")
    parser.add_argument("--simple-scaling-laws", default="simple-scaling-laws==0.2.0", metavar="REQUIREMENT")
    parser.add_argument("--checked", type=int, default=RESAMPLES, metavar="RESAMPLES")
    asked = parser.parse_args()

    x, y, name = points()
    theta = fit_law(CHINCHILLA, x, y, resamples=0).theta
    peers = rivals(x, y, theta, asked.simple_scaling_laws)
    ours = play(x, y, theta, peers)
    print(f"global fit + {RESAMPLES} bootstraps of {name}, medians of {ROUNDS} alternating rounds, one thread:")
    print(f"  {'scalewise':25s} {np.median(ours):7.2f} s\n      {STARTS} random starts and all bootstraps")
    for peer in peers:
        ratio = np.median(np.array(peer.seconds) / np.array(ours))
        goal = f" (goal: {peer.goal})" if peer.goal else ""
        print(f"  {peer.name:25s} {np.median(peer.seconds):7.2f} s   ratio {ratio:.1f}{goal}\n      {peer.note}")
        if peer.above:
            low, middle, high = np.percentile(peer.above, [0, 50, 100])
            print(f"      its objectives less ours, relative: {low:.1e} to {high:.1e}, median {middle:.1e}")

    agreement = compare(x, y, resampled(y, 0)[: asked.checked], theta, np.random.default_rng(1))
    print(f"each of {agreement.excess.size} resamples against the best of {RESTARTS} random restarts and SciPy's loop:")
    print(f"  warm-started refits within {CLOSE:g} (relative) of the best: {agreement.close:.2%} (goal: all)")
    print(f"  most above it: {agreement.excess.max():.1e}; SciPy's loop: {agreement.loop_excess.max():.1e}")
    print(f"  random restarts that reach the best: {agreement.restarts_agreeing:.1%}")


if __name__ == "__main__":
    main()
