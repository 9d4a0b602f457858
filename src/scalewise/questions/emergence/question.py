"""Is a jump in an outcome more than what a log axis makes of a straight line?"""

from typing import Annotated

from scalewise.checks import Evidence, cautions
from scalewise.questions import wording
from scalewise.questions.answer import Answer, judge
from scalewise.questions.clusters import CLUSTER
from scalewise.questions.emergence import charts, findings
from scalewise.questions.emergence.asked import Asked
from scalewise.questions.emergence.beside import Beside, one_token, other_metric, other_scale
from scalewise.questions.emergence.contest import contest
from scalewise.questions.emergence.definitions import Definition
from scalewise.questions.emergence.next_run import next_run
from scalewise.questions.emergence.sentence import EMERGENT, in_words
from scalewise.questions.metric import column_of
from scalewise.questions.option import BUDGET, GROUP, RESAMPLES, SEED, Option, X, Y
from scalewise.questions.outcomes import at_best_rates
from scalewise.questions.repeat import repeat
from scalewise.runs.table import Runs

BESIDE = 3
"""Other scales and metrics stand beside the answer; they are refitted so many times less often."""
FEWEST_REFITS = 20


def emergence(
    runs: Runs,
    x: Annotated[str, X] = "params",
    y: Annotated[str, Y] = "accuracy",
    definition: Annotated[
        Definition, Option("What emergent means in the verdict; the answer shows all three.")
    ] = "super-linear",
    steeper_than: Annotated[
        float, Option("Super-linear: y leaves its base as a higher power of x than this.", least=1, most=10)
    ] = 1.25,
    chance: Annotated[float | None, Option("The level of y without the ability, such as that of guessing.")] = None,
    items: Annotated[str | None, Option("Items behind each y, a number or a column: y is a share of them.")] = None,
    errors: Annotated[str | None, Option("The column with the standard error of each y.")] = None,
    cluster: Annotated[str | None, CLUSTER] = None,
    against: Annotated[str | None, Option("Another column of scale: is x the variable that matters?")] = None,
    tokens_per_answer: Annotated[
        float | None, Option("Tokens that must all be right for y: is the jump one of exact match?", least=1, most=1e4)
    ] = None,
    smooth_metric: Annotated[
        str | None, Option("The column of a metric that gives credit for nearly right answers.")
    ] = None,
    group: Annotated[str | None, GROUP] = None,
    budget: Annotated[float | None, BUDGET] = None,
    simulations: Annotated[int, Option("Data sets simulated from each law, to tell laws apart.", least=39)] = 50,
    resamples: Annotated[int, RESAMPLES] = 1000,
    seed: Annotated[int, SEED] = 0,
) -> Answer:
    """Whether y emerges with x, judged on the raw axis.

    A straight line looks like a sudden rise where x is drawn on a log axis. Laws that are flat, straight, ever slower,
    ever steeper, S-shaped or jump are fitted to y against x itself, one point a run at its end, and averaged; the
    probability of a definition is the share of their refits of which it holds. Raises QuestionError when there are too
    few x, y does not vary, or an option does not suit the outcome.
    """
    runs = runs.of_group(group)
    x, y = column_of(runs, x, "--x"), column_of(runs, y, "--y")
    asked = Asked(runs, items, errors, chance, cluster, steeper_than, seed)
    points = asked.points(x, y)
    asked.check_level(points, y, tokens_per_answer or 1)
    case = asked.case(points, x, y, resamples)
    found = contest(case, simulations, seed)
    few = max(FEWEST_REFITS, resamples // BESIDE)
    beside: list[Beside] = []
    if tokens_per_answer and tokens_per_answer > 1:
        beside.append(one_token(asked, points, case, x, y, tokens_per_answer, few))
    if smooth_metric:
        beside.append(other_metric(asked, case, x, column_of(runs, smooth_metric, "--smooth-metric"), few))
    if against:
        beside.append(other_scale(asked, points, x, column_of(runs, against, "--against"), y, few))
    probability = case.probability(definition)
    verdict = judge(probability)
    words = [in_words(case, x, y, definition), *(b.words for b in beside if b.words)]
    return Answer(
        question="emergence",
        claim=f"{y} emerges with {x}, in the sense of {EMERGENT[definition]} on the raw axis",
        verdict=verdict,
        probability=probability,
        sentence=wording.capital("; ".join(words) + ".", (x, y)),
        findings=(
            findings.definitions(case),
            findings.laws(case, found),
            *([findings.shapes({y: case} | {b.name: b.case for b in beside})] if beside else []),
            *(t for b in beside for t in b.tables),
        ),
        charts=(charts.outcome(case, points.rows["group"].to_list(), x, y, chance), *(b.chart for b in beside)),
        assumptions=_assumptions(asked, case.average.dispersion, asked.together(points, (x, y))[1], tokens_per_answer),
        warnings=cautions(
            Evidence(runs, points.rows, scale=x, by_law=x in ("flops", "gpu_hours"), fits=case.average.fits[:1])
        ),
        next_run=(
            next_run(asked, case, x, definition, budget)
            if verdict == "the data cannot tell" and case.described
            else None
        ),
        reading=(*runs.reading, *at_best_rates(runs, x)[1], *points.missing(x, y)),
        repeat=repeat(
            "emergence",
            runs,
            seed,
            {
                "x": x,
                "y": y,
                "definition": definition,
                "steeper_than": steeper_than,
                "chance": chance,
                "items": items,
                "errors": errors,
                "cluster": cluster,
                "against": against,
                "tokens_per_answer": tokens_per_answer,
                "smooth_metric": smooth_metric,
                "group": group,
                "budget": budget,
                "simulations": simulations,
                "resamples": resamples,
            },
        ),
    )


def _assumptions(asked: Asked, dispersion: float, alike: str, tokens: float | None) -> tuple[str, ...]:
    sized = asked.items or asked.errors
    lines = [
        "every run was trained as well for its size as every other",
        alike,
        "the outcome depends on x by one of these laws, and runs scatter about it by chance",
    ]
    if sized and dispersion > 1:
        lines.append(
            f"runs differ by more than items or errors allow for: variances are taken {dispersion:.3g} times as large"
        )
    if asked.chance is None:
        lines.append("the level without the ability is not known; it is taken from the laws (give it with --chance)")
    if tokens and tokens > 1:
        lines.append(f"{tokens:g} tokens are right or wrong independently of each other")
    return tuple(lines)
