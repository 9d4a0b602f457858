"""What the figures of a general-factor answer show."""

import numpy as np

from scalewise.laws import fit_law
from scalewise.laws.families import LOGARITHM
from scalewise.laws.jackknife import Jackknifed
from scalewise.questions import wording
from scalewise.questions.answer import Chart, Row
from scalewise.questions.general_factor.components import Scaling
from scalewise.questions.general_factor.factor import Compute, Factor, known_scale
from scalewise.questions.general_factor.scores import Scores

MOST_LABELS = 7
"""More kinds of models than this cannot be told apart by colour."""
REFITS = 300
GRID = 40


def loadings(factor: Factor) -> Chart:
    rows: list[Row] = []
    for i in np.argsort(-factor.components.loadings[0]):
        e = Jackknifed.of(factor.components.loadings[:, i], "correlation").estimate()
        rows.append({"label": factor.tasks[i], "value": e.value, "low": e.low, "high": e.high})
    weakest, strongest = rows[-1], rows[0]
    return Chart(
        "intervals",
        "Loadings on the first component",
        "The correlation of every task with the first component, with its 95 % interval, from "
        f"{strongest['value']:.2f} ({strongest['label']}) to {weakest['value']:.2f} ({weakest['label']}).",
        {"axes": [{"x": "correlation with the first component"}], "rows": rows, "reference": [{"value": 0.0}]},
    )


def against_scale(scores: Scores, compute: Compute, scaling: Scaling, seed: int) -> Chart:
    """The first component of every model against its scale, and the straight line in its log."""
    known, x = known_scale(scores), str(scores.x_name)
    scale, values = np.asarray(scores.x)[known], scores.values[known]
    spread = values.std(axis=0) if scaling == "standardised" else np.ones(values.shape[1])
    first = (values - values.mean(axis=0)) / spread @ compute.before.components.first[0]
    first /= first.std()
    kinds = scores.rows["group"].to_numpy()[known]
    told_apart = 1 < np.unique(kinds).size <= MOST_LABELS
    points: list[Row] = [
        {"x": float(a), "y": float(b), "label": str(kind) if told_apart else "models"}
        for a, b, kind in zip(scale, first, kinds, strict=True)
    ]
    fit = fit_law(LOGARITHM, scale, first, scores.clusters[known], REFITS, seed=seed)
    grid = np.geomspace(scale.min(), scale.max(), GRID)
    curve: list[Row] = [
        {"x": float(at), "y": e.value, "low": e.low, "high": e.high, "label": "straight line in the log"}
        for at, e in zip(grid, fit.predict(grid[:, None]), strict=True)
    ]
    explained = wording.share(np.tanh(compute.r.value) ** 2)
    return Chart(
        "outcome_curves",
        f"First component against {x}",
        f"The first component of every model's scores against its {x}, with a straight line in log {x} and its 95 % "
        f"band, on a linear and on a log axis; the line explains {explained} of it.",
        {
            "axes": [{"x": x, "y": "first component (standard deviations)"}],
            "points": points,
            "curves": curve,
            "levels": [],
        },
    )
