"""How much of a scale until an outcome reaches a level: human accuracy, a loss."""

from typing import Annotated

from scalewise.questions.answer import Answer
from scalewise.questions.metric import numeric_column, outcome_column
from scalewise.questions.option import BUDGET, GROUP, RESAMPLES, SEED, Option
from scalewise.questions.repeat import repeat
from scalewise.questions.target.aim import Direction
from scalewise.questions.target.asked import Asked
from scalewise.questions.target.by_group import by_group
from scalewise.questions.target.curve import Which, default_scale
from scalewise.questions.target.together import together
from scalewise.runs.table import Runs


def target(
    runs: Runs,
    level: Annotated[float | None, Option("The level of the outcome to reach.")] = None,
    y: Annotated[str | None, Option("The column of the outcome. Default: loss, else accuracy.")] = None,
    x: Annotated[str | None, Option("The column of scale. Default: params, tokens or flops, whichever varies.")] = None,
    also: Annotated[
        list[str] | None, Option("A further scale, to grow alone or with the others. May be repeated.")
    ] = None,
    within: Annotated[
        float, Option("The claim: the level is reached within so many times the largest x.", least=1)
    ] = 10.0,
    direction: Annotated[
        Direction | None, Option("Whether the outcome must go up or down to the level. Default: as it does.")
    ] = None,
    level_column: Annotated[str | None, Option("The column that holds each group's level, instead of --level.")] = None,
    level_error: Annotated[float | None, Option("Standard error of the level, where it was measured.", least=0)] = None,
    chance: Annotated[float | None, Option("Outcome of guessing, which the logistic starts from.")] = None,
    ceiling: Annotated[float | None, Option("The most the outcome can be: 1, or 100 in percent.")] = None,
    items: Annotated[str | None, Option("Items behind each accuracy: a number, or the column that holds it.")] = None,
    points: Annotated[
        Which, Option("One point per run at its end, every logged point, or only runs that none of less x beats.")
    ] = "ended",
    group: Annotated[str | None, GROUP] = None,
    budget: Annotated[float | None, BUDGET] = None,
    resamples: Annotated[int, RESAMPLES] = 1000,
    seed: Annotated[int, SEED] = 0,
) -> Answer:
    """How much of the scale `x` until the outcome `y` reaches `level`, under every law and on average.

    The claim is that the level is reached within `within` times the largest x; every group is answered by itself.
    Beyond the data the laws are averaged by backtests and drift as far from their forms as backtests show. With `also`,
    laws of several scales are fitted, and the answer is how much of each alone and of all together.

    Raises QuestionError for a level that cannot be meant, for columns that are missing, and where no law can be fitted.
    """
    runs, outcome = runs.of_group(group), y
    y = outcome_column(runs, y)
    first = numeric_column(runs, x or default_scale(runs), "--x")
    scales = (first, *(numeric_column(runs, name, "--also") for name in also or ()))
    level_column = numeric_column(runs, level_column, "--level-column") if level_column else None
    asked = Asked(y, scales, within, level, level_column, level_error, direction, chance, ceiling, items, points)
    asked.check()
    options = {
        "level": level,
        "y": outcome,
        "x": x,
        "also": also or None,
        "within": within,
        "direction": direction,
        "level_column": level_column,
        "level_error": level_error,
        "chance": chance,
        "ceiling": ceiling,
        "items": items,
        "points": points,
        "group": group,
        "budget": budget,
        "resamples": resamples,
    }
    again = repeat("target", runs, seed, options)
    if also:
        return together(runs, asked, budget, resamples, seed, again)
    return by_group(runs, asked, budget, resamples, seed, again)
