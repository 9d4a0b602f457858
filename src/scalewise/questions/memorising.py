"""Does what a model says follow the text it was trained on, more than equally near text that it never saw?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scalewise.questions.answer import Answer, Chart, Finding, Repeat, Row, judge, with_interval
from scalewise.questions.wording import p_value
from scalewise.runs.trials import Trials

if TYPE_CHECKING:
    import polars as pl

TRAINED, UNTRAINED = "trained on", "not trained on"
DROPPED, CONTROL = "nearest dropped", "others dropped"
Example = tuple[str, str, str, str, str, float, float]


@dataclass(frozen=True)
class Contrast:
    """Trained minus untrained over some queries, each with its 95 % interval and p-value."""

    answers: str
    queries: int
    trained: float
    untrained: float
    agreement: tuple[float, float, float]
    p_agreement: float
    above_chance: float
    """The share of chance deals with less agreement, those with as much counted half."""
    similarity: tuple[float, float, float]
    p_similarity: float


def memorising(
    trials: Trials,
    dealt_again: NDArray[np.float64],
    examples: Sequence[Example],
    k: int,
    repeat: Repeat,
    retrained: Trials | None = None,
    notes: Sequence[str] = (),
) -> Answer:
    """An Answer from the neighbours of queries.

    `trials` has two conditions and a `value` (agreement), `similarity` and `answered` for each query; `dealt_again`
    (permutations, 2, queries) are differences in agreement and similarity under chance; `retrained` are likelihoods of
    the outputs after training without the nearest passages, and without others; `notes` are further assumptions.
    """
    contrasts = [found for name in ("all", "right", "wrong") if (found := _contrast(trials, dealt_again, name))]
    whole = contrasts[0]
    causal = _causal(retrained) if retrained else None
    return Answer(
        question="memorising",
        claim="what the model says follows its nearest training text more than equally near text it never saw",
        verdict=judge(whole.above_chance),
        probability=whole.above_chance,
        sentence=_sentence(whole, causal),
        repeat=repeat,
        findings=(
            _table(contrasts, k),
            *((_causal_table(causal),) if causal else ()),
            Finding(
                "Nearest training text, beside what the model says",
                ("query", "output", "training_text", "goes_on", "answer", "cosine", "agreement"),
                tuple(examples),
                "the outputs that agree most with a passage they are near to.",
            ),
        ),
        charts=(_chart(contrasts),),
        assumptions=(
            "text that was not trained on is of the same kind as text that was: chance alone decided between them",
            "agreement is the share of the output's stretches of five characters that stand in what follows a passage",
            "near is near in the model's own states, two thirds into it, centred",
            *(("trainings without the nearest passages vary as much as those without others",) if causal else ()),
            *notes,
        ),
    )


def _of(trials: Trials, answered: str) -> Trials:
    import polars as pl

    return trials if answered == "all" else trials.where(pl.col("answered") == answered)


def _contrast(trials: Trials, dealt: NDArray[np.float64], answered: str) -> Contrast | None:
    own = _of(trials, answered)
    if len(own) < 4 or (answered != "all" and len(own) == len(trials)):
        return None
    agreement, similarity = (_differences(own, column) for column in ("value", "similarity"))
    index = [int(item.removeprefix("query ")) for item in _side(own, TRAINED)["item"]]
    chance = dealt[:, :, index].mean(axis=2)
    return Contrast(
        answered,
        len(index),
        float(np.mean(_side(own, TRAINED)["value"].to_numpy())),
        float(np.mean(_side(own, UNTRAINED)["value"].to_numpy())),
        _interval(agreement, chance[:, 0]),
        _p(chance[:, 0], float(agreement.mean())),
        _above(chance[:, 0], float(agreement.mean())),
        _interval(similarity, chance[:, 1]),
        _p(chance[:, 1], float(similarity.mean())),
    )


def _side(trials: Trials, condition: str) -> "pl.DataFrame":
    import polars as pl

    return trials.table.filter(pl.col("condition") == condition)


def _differences(trials: Trials, column: str) -> NDArray[np.float64]:
    """Trained minus untrained of each query."""
    one, other = (_side(trials, condition) for condition in (TRAINED, UNTRAINED))
    both = one.join(other, on="item", how="inner", suffix="_other")
    differences: NDArray[np.float64] = (both[column] - both[f"{column}_other"]).to_numpy()
    return differences


def _interval(
    differences: NDArray[np.float64], chance: NDArray[np.float64] | None = None
) -> tuple[float, float, float]:
    """The mean of paired differences, with Student's 95 % interval over queries. With `chance`, its spread comes on
    top, since all queries share one deal of passages."""
    from scipy.special import stdtrit

    mean, count = float(differences.mean()), differences.size
    variance = float(differences.var(ddof=1)) / count + (0.0 if chance is None else float(chance.var()))
    half = float(stdtrit(count - 1, 0.975)) * variance**0.5
    return mean, mean - half, mean + half


def _p(chance: NDArray[np.float64], seen: float) -> float:
    """How often chance gives as much or more, the deal that was seen among them."""
    return float((1 + np.sum(chance >= seen - 1e-12)) / (1 + chance.size))


def _above(chance: NDArray[np.float64], seen: float) -> float:
    """The mid-p value's complement: few outputs agree with anything, so that many deals give the same."""
    below, same = np.sum(chance < seen - 1e-12), np.sum(np.abs(chance - seen) <= 1e-12)
    return float((below + (same + 1) / 2) / (1 + chance.size))


@dataclass(frozen=True)
class Causal:
    """By how much the log likelihood of the outputs falls, and how much of them stays, without the nearest passages and
    without others."""

    queries: int
    fall: tuple[float, float, float]
    kept: dict[str, float]
    likelihood: dict[str, float]


def _causal(trials: Trials) -> Causal:
    import polars as pl

    means = trials.table.group_by("item", "condition").agg(pl.col("value", "same").mean())
    wide = means.pivot(on="condition", index="item", values="value").sort("item")
    fall = _interval((wide[CONTROL] - wide[DROPPED]).to_numpy())
    controls = trials.where(pl.col("condition") == CONTROL).table.group_by("repeat").agg(pl.col("value").mean())
    half = math.hypot(fall[2] - fall[0], _half_width_of_one(controls["value"].to_numpy()))
    over = means.group_by("condition").agg(pl.col("value", "same").mean()).sort("condition")
    kept = dict(zip(over["condition"], over["same"], strict=True))
    likelihood = dict(zip(over["condition"], over["value"], strict=True))
    return Causal(wide.height, (fall[0], fall[0] - half, fall[0] + half), kept, likelihood)


def _half_width_of_one(controls: NDArray[np.float64]) -> float:
    """By how much one more training differs from the mean of these, at 95 %."""
    from scipy.special import stdtrit

    count = controls.size
    return float(stdtrit(count - 1, 0.975)) * float(controls.std(ddof=1)) * math.sqrt(1 + 1 / count)


def _causal_table(causal: Causal) -> Finding:
    rows = tuple((name, causal.likelihood[name], causal.kept[name], causal.queries) for name in causal.kept)
    mean, low, high = causal.fall
    return Finding(
        "Trained again without the nearest passages",
        ("training", "log_likelihood", "same_tokens", "queries"),
        rows,
        "of the outputs that agree most with training text: mean log probability of their tokens after each training, "
        f"and the share of tokens that come again. Others minus nearest dropped: {mean:.3g} [{low:.3g}, {high:.3g}] "
        "nats per token; the interval is over queries and trainings.",
    )


def _table(contrasts: Sequence[Contrast], k: int) -> Finding:
    return Finding(
        "Output and nearest text",
        (
            *("answers", "queries", "agreement_trained", "agreement_untrained"),
            *with_interval("excess_agreement"),
            "p_agreement",
            *with_interval("excess_similarity"),
            "p_similarity",
        ),
        tuple(
            (c.answers, c.queries, c.trained, c.untrained, *c.agreement, c.p_agreement, *c.similarity, c.p_similarity)
            for c in contrasts
        ),
        f"agreement with the most agreeing of the {k} nearest passages; similarity of the nearest (cosine). p: by "
        "dealing out again which passages were trained on; intervals are over queries and such deals.",
    )


def _sentence(whole: Contrast, causal: Causal | None) -> str:
    mean, low, high = whole.agreement
    text = (
        f"Over {whole.queries:,} queries the output shares {100 * whole.trained:.0f} % of its stretches with what "
        f"follows the nearest training text and {100 * whole.untrained:.0f} % with the nearest text not trained on: "
        f"{100 * mean:+.1f} points [{100 * low:.1f}, {100 * high:.1f}], p {_told(whole.p_agreement)}."
    )
    if causal:
        fall, lowest, highest = causal.fall
        text += (
            f" Trained again without the passages nearest to {causal.queries} of them, the outputs lose {fall:.2g} "
            f"[{lowest:.2g}, {highest:.2g}] nats per token more than without as many others."
        )
    return text


def _told(p: float) -> str:
    told = p_value(p)
    return told if told.startswith("<") else f"= {told}"


def _chart(contrasts: Sequence[Contrast]) -> Chart:
    rows: list[Row] = [
        {"label": f"{c.answers} ({c.queries})", "value": c.agreement[0], "low": c.agreement[1], "high": c.agreement[2]}
        for c in contrasts
    ]
    return Chart(
        "intervals",
        "Agreement with trained minus untrained text",
        "By how much more the output agrees with the nearest text that was trained on than with text that was not, "
        "over all queries and by whether the answer was right, with 95 % intervals.",
        {"axes": [{"x": "excess agreement"}], "rows": rows, "reference": [{"value": 0.0}]},
    )
