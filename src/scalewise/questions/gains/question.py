"""Do small improvements add up? From a table of changes, or from a sequence of records."""

from typing import TYPE_CHECKING, Annotated

from scalewise.checks import Evidence, cautions
from scalewise.errors import QuestionError
from scalewise.questions.answer import Answer, judge
from scalewise.questions.gains.design import Table, blocks_of
from scalewise.questions.gains.factors import changes_of, made
from scalewise.questions.gains.scale import LEAST_NOISE, log_levels
from scalewise.questions.gains.sequence import sequence as of_sequence
from scalewise.questions.gains.steps import sequence_of
from scalewise.questions.gains.together import together
from scalewise.questions.gains.told import Told
from scalewise.questions.metric import BETTER, Direction, Metric, column_of, finite_numbers, metric_of
from scalewise.questions.option import BUDGET, GROUP, SEED, Option
from scalewise.questions.repeat import repeat
from scalewise.runs.table import Runs

if TYPE_CHECKING:
    import polars as pl


def gains(
    runs: Runs,
    change: Annotated[
        list[str] | None,
        Option(
            "A column that says whether a run has a change (0/1 or two words; COLUMN=VALUE says which word). Repeated "
            "for every change. With --sequence: the column that says what each record changed."
        ),
    ] = None,
    sequence: Annotated[
        str | None, Option("The column that orders records, each one change on top of the last: a number or a date.")
    ] = None,
    y: Annotated[str | None, Option("The column of the outcome. Default: loss, else accuracy.")] = None,
    better: Annotated[Direction | None, BETTER] = None,
    effect: Annotated[float, Option("The relative gain that should be seen: .001 is .1 %.", least=1e-6)] = 0.001,
    noise: Annotated[
        float | None,
        Option(
            "The standard deviation between seeds, relative: .003 is .3 %. Default: from the rows.", least=LEAST_NOISE
        ),
    ] = None,
    keep: Annotated[
        float,
        Option("The share of the product of single gains that is enough to say that they add up.", least=0.01, most=1),
    ] = 0.8,
    group: Annotated[str | None, GROUP] = None,
    budget: Annotated[float | None, BUDGET] = None,
    seed: Annotated[int, SEED] = 0,
) -> Answer:
    """Do single gains add up? Give `change` columns for a table of runs with and without changes, or `sequence`.

    `effect`, `noise` and `keep` are shares; everything is done in logarithms of `y`. Raises QuestionError where neither
    is given, a column does not say whether a change was made, or changes cannot be told apart; TableError where an
    outcome is not above 0.
    """
    runs = runs.of_group(group)
    metric = metric_of(runs, y, better)
    notes: list[str] = []
    if sequence is not None:
        rows, told = _records(runs, metric, sequence, change, effect, noise, budget, notes)
    elif change:
        rows, told = _changes(runs, metric, change, effect, noise, keep, budget, seed, notes)
    else:
        raise QuestionError(
            "gains needs the columns of changes (--change warmup --change ema ...), or the column that orders records "
            "(--sequence date)."
        )
    verdict = judge(told.probability)
    return Answer(
        question="gains",
        claim=told.claim,
        verdict=verdict,
        probability=told.probability,
        sentence=told.sentence,
        findings=told.findings,
        charts=told.charts,
        assumptions=told.assumptions,
        warnings=cautions(Evidence(runs, rows.drop("params", strict=False), by_law=True)),
        next_run=told.next_run if verdict == "the data cannot tell" else None,
        reading=(*runs.reading, *notes),
        repeat=repeat(
            "gains",
            runs,
            seed,
            {"change": change, "sequence": sequence, "y": y, "better": better,
             "effect": effect, "noise": noise, "keep": keep,
             "group": group, "budget": budget},
        ),
    )  # fmt: skip


def _records(
    runs: Runs,
    metric: Metric,
    column: str,
    change: list[str] | None,
    effect: float,
    noise: float | None,
    budget: float | None,
    notes: list[str],
) -> tuple["pl.DataFrame", Told]:
    ordering = column_of(runs, column, "--sequence")
    if change and len(change) > 1:
        raise QuestionError("with --sequence one --change is enough: the column that says what each record changed.")
    label = column_of(runs, change[0], "--change") if change else None
    rows = _known(runs, [ordering, metric.name], notes)
    h = log_levels(finite_numbers(rows, metric.name, runs.source), runs, metric)
    records = sequence_of(rows, ordering, label, h, noise, runs.source, notes)
    return rows, of_sequence(records, metric, effect, _cost(rows), budget)


def _changes(
    runs: Runs,
    metric: Metric,
    change: list[str],
    effect: float,
    noise: float | None,
    keep: float,
    budget: float | None,
    seed: int,
    notes: list[str],
) -> tuple["pl.DataFrame", Told]:
    import polars as pl

    changes = changes_of(runs, change)
    rows = _known(runs, [metric.name], notes)
    h = log_levels(finite_numbers(rows, metric.name, runs.source), runs, metric)
    which = made(rows, changes, runs.source)
    seeds = rows["seed"].fill_null("none").cast(pl.String).to_list() if "seed" in rows.columns else None
    blocks = blocks_of(seeds, which)
    if seeds is not None and len(set(seeds)) > 1 and int(blocks.max()) == 0:
        notes.append("seeds do not pair the runs, so they are taken as independent repeats")
    table = Table([c.name for c in changes], h, which, blocks, noise)
    return rows, together(table, metric, effect, keep, runs.source, _cost(rows), budget, seed)


def _known(runs: Runs, columns: list[str], notes: list[str]) -> "pl.DataFrame":
    """Runs at their ends, that trained through and have these columns."""
    ends = runs.trained
    rows = ends.drop_nulls(columns)
    if rows.height == 0:
        raise QuestionError(f"{runs.source}: no run that trained through has {' and '.join(columns)}.")
    if rows.height < ends.height:
        notes.append(f"{ends.height - rows.height:,} runs lack {' or '.join(columns)} and are left out")
    return rows


def _cost(rows: "pl.DataFrame") -> float | None:
    """The mean training flops of a run, where they are known."""
    import polars as pl

    if "flops" not in rows.columns or rows["flops"].count() == 0:
        return None
    return float(rows["flops"].cast(pl.Float64).drop_nulls().to_numpy().mean())
