"""Does an outcome change with a scale, by which law, does a second factor change that, and does it vanish?"""

from typing import Annotated

import numpy as np

from scalewise.checks import Evidence, cautions
from scalewise.errors import QuestionError
from scalewise.questions import wording
from scalewise.questions.answer import Answer, Verdict, judge
from scalewise.questions.clusters import CLUSTER, clusters
from scalewise.questions.metric import column_of
from scalewise.questions.option import BUDGET, GROUP, RESAMPLES, SEED, Option, X, Y
from scalewise.questions.outcomes import Outcomes, at_best_rates, outcomes
from scalewise.questions.repeat import repeat
from scalewise.questions.trend import charts, findings, sentence
from scalewise.questions.trend.contrast import any_differs, contrasts
from scalewise.questions.trend.level import Level, Stretch, levels_of
from scalewise.questions.trend.next_run import next_run
from scalewise.questions.trend.screen import Dependence, dependences
from scalewise.questions.trend.vanishing import Vanishing, vanishing
from scalewise.runs.table import Runs, listed

FEWEST_X, MOST_LEVELS = 3, 12
NEAR = 0.05
"""An outcome has vanished within this share of its observed range of the limit."""
TOGETHER = "all together"
ALL = "all runs"


def trend(
    runs: Runs,
    x: Annotated[str, X] = "params",
    y: Annotated[str, Y] = "loss",
    by: Annotated[str | None, Option("A column whose levels may have trends of their own.")] = None,
    smallest: Annotated[
        float | None,
        Option("The smallest change of y over the observed x that counts. Default: the spread of one run.", least=0),
    ] = None,
    limit: Annotated[
        float | None, Option("The level at which y has vanished. Default: 0 where it falls, 1 where a share rises.")
    ] = None,
    within: Annotated[float, Option("Times the largest x by which it may vanish.", least=1, most=1e6)] = 100.0,
    items: Annotated[str | None, Option("Items behind each y, a number or a column: y is a share of them.")] = None,
    errors: Annotated[str | None, Option("The column with the standard error of each y.")] = None,
    cluster: Annotated[str | None, CLUSTER] = None,
    group: Annotated[str | None, GROUP] = None,
    budget: Annotated[float | None, BUDGET] = None,
    resamples: Annotated[int, RESAMPLES] = 1000,
    seed: Annotated[int, SEED] = 0,
) -> Answer:
    """How much y changes over the observed x, under laws that are averaged, and whether it vanishes.

    The claim is that y changes by at least `smallest`; with `by`, that its change differs by as much between levels.
    One point a run, at its end. Raises QuestionError when there are too few x, or an option does not suit the outcome.
    """
    runs = runs.of_group(group)
    x, y = column_of(runs, x, "--x"), column_of(runs, y, "--y")
    by = column_of(runs, by, "--by") if by else None
    tuned, notes = at_best_rates(runs, x)
    points = outcomes(tuned, x, y, items, errors)
    points.check(runs.source, x, y, FEWEST_X)
    levels = [_level(runs, n, p, (x, y, by), cluster, resamples, seed) for n, p in _parts(runs, points, x, by).items()]
    together = _level(runs, TOGETHER, points, (x, y, by), cluster, resamples, seed) if by else None
    stretch = _stretch(runs, levels, x)
    spread = float(np.sqrt(np.mean([level.average.noise**2 for level in levels])))
    least = max(spread, 1e-6 * float(np.abs(points.y).max())) if smallest is None else smallest
    shown = [*levels, *([together] if together else [])]
    chances = {level.name: level.changes_by(stretch, least) for level in shown}
    pairs = contrasts(levels, stretch, least, seed) if by else []
    probability = any_differs(pairs) if by else chances[levels[0].name]
    verdict = judge(probability)
    near = NEAR * float(np.ptp(points.y))
    ends, unbounded = _vanishings(levels, stretch, limit, near, within, seed)
    depends = [] if by else dependences(points, x, y)
    _, alike = clusters(runs, points.rows, cluster, taken=(x, y, by))
    return Answer(
        question="trend",
        claim=_claim(x, y, by, least),
        verdict=verdict,
        probability=probability,
        sentence=_sentence(levels, stretch, (x, y, by), least, verdict, ends, depends),
        findings=(
            findings.changes(levels, together, stretch, chances),
            *([findings.differences(pairs, stretch)] if pairs else []),
            *([findings.dependences(depends)] if depends else []),
            findings.laws(levels),
            *([findings.vanishings(ends, near)] if ends else []),
        ),
        charts=(
            charts.outcome(levels, x, y),
            *([charts.forest(shown, stretch, x, y)] if by else []),
        ),
        assumptions=_assumptions(x, y, by, alike, levels[0].crossed, smallest is None, unbounded),
        warnings=cautions(
            Evidence(
                runs,
                points.rows,
                scale=x,
                factor=by,
                by_law=x in ("flops", "gpu_hours"),
                fits=levels[0].average.fits[:1],
            )
        ),
        next_run=(
            next_run(runs, x, levels, pairs, stretch, least, budget, seed)
            if verdict == "the data cannot tell"
            else None
        ),
        reading=(*runs.reading, *notes, *points.missing(x, y)),
        repeat=repeat(
            "trend",
            runs,
            seed,
            {
                "x": x,
                "y": y,
                "by": by,
                "smallest": smallest,
                "limit": limit,
                "within": within,
                "items": items,
                "errors": errors,
                "cluster": cluster,
                "group": group,
                "budget": budget,
                "resamples": resamples,
            },
        ),
    )


def _parts(runs: Runs, points: Outcomes, x: str, by: str | None) -> dict[str, Outcomes]:
    """The points of each level of the second factor, or all of them."""
    if by is None:
        return {ALL: points}
    names, known = levels_of(points.rows, by)
    start = f"{runs.source}: --by {by}"
    if not 2 <= len(known) <= MOST_LEVELS:
        raise QuestionError(f"{start}: it has {len(known)} levels; trends are compared between 2 to {MOST_LEVELS}.")
    parts = {n: points.at(np.flatnonzero([m == n for m in names])) for n in known}
    few = [n for n, part in parts.items() if np.unique(part.x).size < FEWEST_X]
    if few:
        raise QuestionError(
            f"{start}: a trend needs {FEWEST_X} different {x}; there are fewer at {listed(few)}: leave it out "
            "with --where."
        )
    return parts


def _level(
    runs: Runs, name: str, points: Outcomes, taken: tuple[str | None, ...], cluster: str | None, count: int, seed: int
) -> Level:
    alike, _ = clusters(runs, points.rows, cluster, taken)
    try:
        return Level.of(name, points, alike, count, seed)
    except ValueError as error:
        raise QuestionError(f"{runs.source}: {name}: {error}.") from None


def _stretch(runs: Runs, levels: list[Level], x: str) -> Stretch:
    low, high = max(level.points.x.min() for level in levels), min(level.points.x.max() for level in levels)
    if low >= high:
        raise QuestionError(f"{runs.source}: the levels have no stretch of {x} in common; nothing can be compared.")
    return Stretch(float(low), float(high))


def _vanishings(
    levels: list[Level], stretch: Stretch, limit: float | None, near: float, within: float, seed: int
) -> tuple[list[Vanishing], bool]:
    """Each level's, where there is a limit to reach; and whether some have none."""
    found = []
    for level in levels:
        try:
            found.append(vanishing(level, stretch, limit, near, within, seed))
        except ValueError:
            continue
    return found, len(found) < len(levels)


def _claim(x: str, y: str, by: str | None, least: float) -> str:
    if by:
        return f"the change of {y} with {x} differs between levels of {by} by at least {least:.3g}"
    return f"{y} changes by at least {least:.3g} over the observed {x}"


def _sentence(
    levels: list[Level],
    stretch: Stretch,
    names: tuple[str, str, str | None],
    least: float,
    verdict: Verdict,
    ends: list[Vanishing],
    depends: list[Dependence],
) -> str:
    x, y, by = names
    if by:
        words = [sentence.by_level(levels, stretch, (x, y, by), verdict)]
    else:
        words = [sentence.alone(levels[0], stretch, x, y, least, verdict)]
        words += [sentence.of_vanishing(ends, x, y)] if ends and verdict == "yes" else []
    words += [sentence.of_dependences(depends)] if depends else []
    return wording.capital("; ".join(words), (x, y)) + "."


def _assumptions(
    x: str, y: str, by: str | None, alike: str, crossed: bool, spread: bool, unbounded: bool
) -> tuple[str, ...]:
    lines = [
        f"runs differ in nothing but {x}" + (f" and {by}" if by else "") + ", or in nothing that matters",
        alike,
        f"{y} depends on {x} by one of these laws, and runs scatter about it by chance",
    ]
    if crossed:
        lines.append("each of these has its own level; intervals hold their choice, not another training of a size")
    if spread:
        lines.append("a change counts from the spread of one run about the laws (give another with --smallest)")
    if by:
        lines.append("levels are fitted apart from each other")
    if unbounded:
        lines.append("nothing bounds the outcome, so it is not asked whether it vanishes (give a level with --limit)")
    return tuple(lines)
