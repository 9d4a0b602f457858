"""What a guise does to answers: its effect on the share of yes, and how often it flips an answer beyond repeats.

Whether it does anything is tested by shuffling answers between the guise and the plain question within each scenario,
which is exact whatever the scenarios are; the p-values are adjusted for the number of guises (Holm 1979).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scalewise.questions.consistency.intervals import between_shares
from scalewise.questions.multiplicity import holm
from scalewise.runs.clustered import ROUNDING, flat_error, half_width
from scalewise.runs.trials import Trials

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]
BASELINE = "baseline"
GUISES = (
    "story",
    "paraphrase",
    "options swapped",
    "suffix",
    "open",
    "persona",
    "persona, next question",
    "asked later",
)
SHUFFLES = 4_000


@dataclass(frozen=True)
class Effect:
    """One guise against the plain question. `effect` is of the share of yes (or right), `flips` the share of
    scenarios' answers that differ beyond what repeats of one wording do; each with its 95 % interval. `p` is adjusted
    by Holm."""

    guise: str
    plain: float
    share: float
    effect: tuple[float, float, float]
    flips: tuple[float, float, float] | None
    p: float
    scenarios: int
    parsed: float


def effects(trials: Trials, seed: int, among: Sequence[str] = GUISES) -> list[Effect]:
    """Every guise of these that was asked, on the scenarios that were asked both ways."""
    import polars as pl

    asked = set(trials.table["condition"].unique())
    guises = [g for g in among if g in asked] if BASELINE in asked else []
    found = []
    table = trials.table.drop("turn", strict=False)  # a guise is compared at whatever turn it comes
    for guise in guises:
        both = table.filter(pl.col("condition").is_in([BASELINE, guise]))
        counts = _counts(both.filter("parsed"), guise)
        if counts.height < 2:
            continue
        kept = Trials(both.filter(pl.col("scenario").is_in(counts["scenario"].implode())), trials.source)
        row = kept.to_runs("effect", by=("condition",), against=BASELINE).table.row(0, named=True)
        margin = half_width(row["se"], row["n_clusters"])
        yes, n, plain_yes, plain_n = (counts[c].to_numpy().astype(float) for c in ("yes", "n", "plain_yes", "plain_n"))
        value = float(row["effect"])
        found.append(
            Effect(
                guise,
                float(plain_yes.sum() / plain_n.sum()),
                float(yes.sum() / n.sum()),
                between_shares(value, margin),
                _flips(yes, n, plain_yes, plain_n, counts["cluster"].to_list()),
                _shuffled(yes, n, plain_yes, plain_n, seed),
                counts.height,
                float(row["parsed"]),
            )
        )
    adjusted = holm([effect.p for effect in found])
    return [Effect(**{**effect.__dict__, "p": float(p)}) for effect, p in zip(found, adjusted, strict=True)]


def _counts(parsed: "pl.DataFrame", guise: str) -> "pl.DataFrame":
    """Yes answers and answers of every scenario: in the guise, and plain."""
    import polars as pl

    sums = parsed.group_by("scenario", "condition").agg(
        pl.col("value").sum().alias("yes"), pl.len().alias("n"), pl.col("cluster").first()
    )
    own = sums.filter(pl.col("condition") == guise).drop("condition")
    plain = sums.filter(pl.col("condition") == BASELINE).drop("condition", "cluster")
    plain = plain.rename({"yes": "plain_yes", "n": "plain_n"})
    return own.join(plain, on="scenario").sort("scenario")


def _flips(
    yes: Floats, n: Floats, plain_yes: Floats, plain_n: Floats, clusters: Sequence[str]
) -> tuple[float, float, float] | None:
    """P(a guise and a plain answer differ) minus P(two repeats differ), over scenarios with repeats.

    For a scenario with probabilities p and q this is (p - q)^2, estimated without bias.
    """
    repeated = (n > 1) & (plain_n > 1)
    if repeated.sum() < 2:
        return None
    yes, n, plain_yes, plain_n = (a[repeated] for a in (yes, n, plain_yes, plain_n))
    p, q = yes / n, plain_yes / plain_n
    noise = p * (1 - p) / (n - 1) + q * (1 - q) / (plain_n - 1)
    excess = (p - q) ** 2 - noise
    value = float(excess.mean())
    _, codes = np.unique(np.array(clusters)[repeated], return_inverse=True)
    sums = np.bincount(codes, excess - value) / excess.size
    count = sums.size
    flat = np.abs(sums).max() < ROUNDING
    error = flat_error(count) if flat else float(np.sqrt((sums**2).sum() * count / max(1, count - 1)))
    # even where p = q everywhere, (p - q)^2 varies as a chi-square does: sqrt(2) times its mean
    error = max(error, float(np.sqrt(2) * noise.mean() / np.sqrt(excess.size)))
    return between_shares(value, half_width(error, count))


def _shuffled(yes: Floats, n: Floats, plain_yes: Floats, plain_n: Floats, seed: int) -> float:
    """The chance of so large a sum of squared differences if answers were handed out at random within scenarios."""
    rng = np.random.default_rng(seed)
    total, every = (yes + plain_yes).astype(int), (n + plain_n).astype(int)
    drawn = rng.hypergeometric(total, every - total, n.astype(int), size=(SHUFFLES, yes.size))

    def statistic(own: Floats) -> Floats:
        difference = own / n - (total - own) / plain_n
        return np.asarray((difference**2).sum(axis=-1) + difference.sum(axis=-1) ** 2)

    observed = statistic(yes)
    return float((1 + (statistic(drawn.astype(float)) >= observed - 1e-9).sum()) / (1 + SHUFFLES))
