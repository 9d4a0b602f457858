"""Consistency: whether the split of the variance covers what was planted, with as few scenarios as people have."""

import numpy as np
import polars as pl
import pytest

from scalewise.questions.consistency.intervals import share_interval
from scalewise.questions.consistency.variance import split
from scalewise.runs.clustered import flat_error
from scalewise.runs.trials import Trials, trials_from

REPEATS, WORDINGS = 3, ("baseline", "story", "paraphrase")
PLAIN_AND_STORY = np.array([[0.2, 0.2], [0.9, 0.9], [0.2, 0.2]])


def asked(seed: int, scenarios: int, certain: bool = False) -> Trials:
    """Yes to a fifth of plain questions and paraphrases and nine tenths of stories; or always yes."""
    rng = np.random.default_rng(seed)
    said = rng.random((scenarios, 3, 2, REPEATS)) < PLAIN_AND_STORY[..., None]
    rows = [
        {
            "run": "m",
            "item": f"{s}/{w}/{o}",
            "cluster": str(s),
            "scenario": str(s),
            "wording": WORDINGS[w],
            "options": ("usual", "swapped")[o],
            "turn": 1,
            "repeat": r,
            "value": float(yes or certain),
        }
        for (s, w, o, r), yes in np.ndenumerate(said)
    ]
    return trials_from(pl.DataFrame(rows), "planted")


@pytest.mark.parametrize("scenarios", [8, 16])
def test_planted_parts_of_the_variance_are_covered(scenarios: int) -> None:
    """Percentiles of resampled scenarios covered 86 % of what repeats do with 8 of them."""
    truth = {"wording": float(np.var([0.2, 0.9, 0.2], ddof=1)), "repeat": 0.41 / 3, "agree": 1 - 2 * 0.41 / 3}
    hits: dict[str, list[bool]] = {name: [] for name in truth}
    for seed in range(120):
        found = split(asked(seed, scenarios))
        assert found is not None
        ends = {"agree": found.same_wording, **found.components}
        for name, value in truth.items():
            _, low, high = ends[name]
            hits[name].append(low is not None and high is not None and low <= value <= high)
    assert all(np.mean(hit) >= 0.9 for hit in hits.values()), {name: np.mean(hit) for name, hit in hits.items()}


@pytest.mark.parametrize("share", [0.1, 0.5])
@pytest.mark.parametrize("spread", [None, 1.5])
def test_shares_are_covered_with_few_scenarios(share: float, spread: float | None) -> None:
    """16 scenarios asked twice, that all have this chance or their own around it; value +- t se covers 85 % at .1."""
    rng = np.random.default_rng(0)
    chances = np.full((2000, 16), share)
    if spread is not None:
        chances = rng.beta(share * spread, (1 - share) * spread, chances.shape)
    found = rng.binomial(2, chances) / 2
    errors = found.std(axis=1, ddof=1) / 4
    values = zip(found.mean(axis=1), np.where(errors > 0, errors, flat_error(16)), strict=True)
    ends = [share_interval(float(value), float(error), 16, 32) for value, error in values]
    assert np.mean([low <= share <= high for low, high in ends]) > 0.94


def test_scenarios_that_never_differ_are_no_certainty() -> None:
    found = split(asked(0, 8, certain=True))
    assert found is not None
    assert found.components["repeat"] == (0.0, None, None)
    value, low, high = found.same_wording
    assert (value, high) == (1.0, 1.0)
    assert 0.7 < low < 0.8
