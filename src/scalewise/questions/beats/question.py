"""Is one method better than another, beyond luck, on the same seeds, items or tasks?"""

from typing import Annotated

import numpy as np

from scalewise.checks import Evidence, cautions
from scalewise.errors import QuestionError, did_you_mean
from scalewise.questions.answer import Answer, Chart, Finding, Row, judge
from scalewise.questions.beats import findings, outlook
from scalewise.questions.beats.contest import Contest, contest, probability
from scalewise.questions.beats.outlook import counted
from scalewise.questions.beats.pairs import Columns, Pairs, comparable, pair_columns, pairs_of
from scalewise.questions.beats.resampled import resampled
from scalewise.questions.beats.selection import selection_column
from scalewise.questions.metric import BETTER, Direction, Metric, column_of, metric_of
from scalewise.questions.option import BUDGET, GROUP, RESAMPLES, SEED, Option
from scalewise.questions.repeat import repeat
from scalewise.runs.levels import EQUAL_WITHIN
from scalewise.runs.table import Runs, listed

MOST_METHODS = 50
MOST_DRAWN = 30


def beats(
    runs: Runs,
    a: Annotated[str | None, Option("The method that may be better. Default: the one with the best mean.")] = None,
    b: Annotated[str | None, Option("The method it is compared with. Default: every other.")] = None,
    by: Annotated[str, Option("The column of methods.")] = "group",
    y: Annotated[str | None, Option("The column of the outcome. Default: loss, else accuracy.")] = None,
    better: Annotated[Direction | None, BETTER] = None,
    pair: Annotated[
        list[str] | None,
        Option("A column whose equal values make rows a pair (seed, item, task). May be repeated. Default: seed."),
    ] = None,
    task: Annotated[
        str | None, Option("The column of tasks that are all that matter: each weighs the same, none is sampled.")
    ] = None,
    selection: Annotated[str | None, Option("The column of the rule by which models were selected.")] = None,
    margin: Annotated[float, Option("By how much a must be better for it to count, in units of y.", least=0)] = 0.0,
    group: Annotated[str | None, GROUP] = None,
    budget: Annotated[float | None, BUDGET] = None,
    resamples: Annotated[int, RESAMPLES] = 1000,
    seed: Annotated[int, SEED] = 0,
) -> Answer:
    """Compare method `a` with `b`, or with every other, or all with all, on pairs of rows.

    Rows that share the values of all `pair` columns are a pair; those that share one of them may err together. The
    mean difference is over pairs, or over the `task`s if these are named. `margin` is in units of `y`.

    Raises QuestionError where models were selected by several rules, or by none that is stated, and `selection` does
    not name their column; and where methods, columns or pairs are missing.
    """
    runs = runs.of_group(group)
    metric = metric_of(runs, y, better)
    if metric.name == "accuracy" and margin >= 1:
        raise QuestionError(f"--margin {margin:g}: accuracy is a share here, so a point of a percentage is 0.01.")
    notes: list[str] = []
    columns, assumed = _columns(runs, metric, by, pair, task, selection)
    rows = comparable(runs, columns, metric, notes)
    if pair is None:
        columns = Columns(
            columns.by, pair_columns(rows, columns.by, columns.task, notes), columns.task, columns.selection
        )
    pairs = pairs_of(rows, columns, metric, runs.source)
    named = _methods(runs, pairs, columns.by, a, b)
    boot = resampled(pairs, resamples, np.random.default_rng(seed))
    found = contest(pairs, metric, margin, named, boot, runs.source, seed)
    chance = probability(found)
    verdict = judge(chance)
    seen = outlook.outlook(pairs, found, margin)
    if found.left_out:
        notes.append(f"nothing in common, so not compared: {listed(found.left_out)}")
    tables: list[Finding | None] = [
        findings.comparisons(pairs, metric, found),
        findings.averages(pairs, metric, found, boot),
        findings.robust(pairs, metric, found),
        findings.rule_matters(pairs, metric, found),
        outlook.table(pairs, seen) if seen else None,
    ]
    return Answer(
        question="beats",
        claim=_claim(pairs, metric, margin, found, named),
        verdict=verdict,
        probability=chance,
        sentence=_sentence(pairs, metric, found, seen),
        findings=tuple(table for table in tables if table),
        charts=(_chart(pairs, metric, found, margin),),
        assumptions=_assumptions(pairs, columns, found, assumed),
        warnings=cautions(Evidence(runs, rows.drop("params", strict=False), by_law=True)),
        next_run=outlook.next_run(pairs, found, seen, margin, budget) if verdict == "the data cannot tell" else None,
        reading=(*runs.reading, *notes),
        repeat=repeat(
            "beats",
            runs,
            seed,
            {"a": a, "b": b, "by": by, "y": y, "better": better, "pair": pair, "task": task,
             "selection": selection, "margin": margin, "group": group, "budget": budget,
             "resamples": resamples},
        ),
    )  # fmt: skip


def _columns(
    runs: Runs, metric: Metric, by: str, pair: list[str] | None, task: str | None, selection: str | None
) -> tuple[Columns, str]:
    """The columns under the table's own names, and what is assumed of model selection."""
    method = column_of(runs, by, "--by")
    pairing = tuple(dict.fromkeys(column_of(runs, name, "--pair") for name in pair or []))
    tasks = column_of(runs, task, "--task") if task else None
    taken = [method, *pairing, *([tasks] if tasks else []), metric.name]
    if len(set(taken)) < len(taken):
        twice = next(name for name in taken if taken.count(name) > 1)
        raise QuestionError(
            f"{runs.source}: column '{twice}' cannot be two things at once in --by, --pair, --task and --y."
        )
    rule, assumed = selection_column(runs, runs.table, selection, taken)
    if rule in taken:
        raise QuestionError(f"{runs.source}: column '{rule}' cannot be the selection rule and something else.")
    return Columns(method, pairing, tasks, rule), assumed


def _methods(runs: Runs, pairs: Pairs, by: str, a: str | None, b: str | None) -> tuple[int | None, int | None]:
    """The numbers of the methods named. Raises QuestionError when one is not there, or there is only one."""
    there = pairs.methods
    if len(there) < 2:
        raise QuestionError(
            f"{runs.source}: column '{by}' names only one method ({there[0]}); name the column of methods with --by."
        )
    found: list[int | None] = []
    for option, name in (("--a", a), ("--b", b)):
        if name is not None and name not in there:
            hint = did_you_mean(name, there)
            raise QuestionError(
                f"{runs.source}: {option} {name}: no such method in column '{by}'{hint}; there are {listed(there, 20)}."
            )
        found.append(None if name is None else there.index(name))
    if a is not None and a == b:
        raise QuestionError(f"--a and --b are both {a}; name two methods.")
    if found == [None, None] and len(there) > MOST_METHODS:
        raise QuestionError(
            f"{runs.source}: column '{by}' names {len(there):,} methods; all against all takes at most {MOST_METHODS}: "
            "name one with --a or --b, or the right column with --by."
        )
    return found[0], found[1]


def _claim(pairs: Pairs, metric: Metric, margin: float, found: Contest, named: tuple[int | None, int | None]) -> str:
    a, b = named
    by_more = f" by more than {margin:g}" if margin else ""
    rules = "" if len(pairs.rules) < 2 else " under every selection rule"
    if a is None and b is not None:
        return f"some method has a {metric.best} mean {metric.name} than {pairs.methods[b]}{by_more}{rules}"
    first = pairs.methods[found.leader if found.leader is not None else found.settling[0].first]
    rival = pairs.methods[b] if b is not None else "every other method"
    return f"{first} has a {metric.best} mean {metric.name} than {rival}{by_more}{rules}"


def _sentence(pairs: Pairs, metric: Metric, found: Contest, seen: "outlook.Outlook | None") -> str:
    """Every rule's comparison where two methods are compared, otherwise the one on which the verdict hangs."""
    two = len({(c.first, c.second) for c in found.settling}) == 1
    told = found.settling if two else (seen.comparison if seen else found.settling[0],)
    first, second = pairs.methods[told[0].first], pairs.methods[told[0].second]
    parts = []
    for c in told:
        low, high = c.difference.interval()
        digits = _digits(low, high)
        ends = "" if low is None or high is None else f" [{low:.{digits}f}, {high:.{digits}f}]"
        rule = f" ({pairs.rules[c.rule]})" if pairs.rules[c.rule] else ""
        parts.append(f"{c.difference.value:+.{digits}f}{ends}{rule}")
    units = told[0].difference.units
    over = (
        f"over {units} {counted(pairs, units)}" if pairs.paired else f"over {sum(c.size for c in told[0].cells)} rows"
    )
    lead = f"The advantage of {first} over {second}"
    if not two:
        lead = f"The strongest against {second} is {first}, whose advantage"
        if not found.any_will_do:
            lead = f"The closest to {first} is {second}, over which its advantage"
    won = f"; it wins {100 * told[0].improvement:.0f} % of {'pairs' if pairs.paired else 'meetings'}"
    return f"{lead} in {metric.name} is {', '.join(parts)} {over}{won if len(told) == 1 else ''}."


def _digits(low: float | None, high: float | None) -> int:
    if low is None or high is None or high <= low:
        return 3
    return int(min(6, max(0, 1 - np.floor(np.log10((high - low) / 2)))))


def _chart(pairs: Pairs, metric: Metric, found: Contest, margin: float) -> Chart:
    rows: list[Row] = []
    for c in found.settling[:MOST_DRAWN]:
        rule = f" ({pairs.rules[c.rule]})" if len(pairs.rules) > 1 else ""
        low, high = c.difference.interval()
        label = f"{pairs.methods[c.first]} over {pairs.methods[c.second]}{rule}"
        rows.append({"label": label, "value": c.difference.value, "low": low, "high": high})
    title = f"advantage in {metric.name} ({metric.best} is better)"
    return Chart(
        "intervals",
        "Advantage of one method over another",
        f"Differences of mean {metric.name} ({len(rows)}) with their 95 % intervals, right of the line where the first "
        "is better by the margin.",
        {"axes": [{"x": title}], "rows": rows, "reference": [{"value": margin}]},
    )


def _assumptions(pairs: Pairs, columns: Columns, found: Contest, assumed: str) -> tuple[str, ...]:
    lines = [assumed] if assumed else []
    if pairs.paired:
        lines.append(
            f"a further pair would be drawn like these ({', '.join(columns.pair)}), and differences add up to a mean"
        )
        if len(pairs.crossed) > 1:
            lines.append(f"rows that share {' or '.join(pairs.crossed)} may err together; no others do")
    else:
        lines.append("rows are independent of each other")
    if columns.task:
        lines.append(
            f"the {len(pairs.tasks)} values of {columns.task} are all that matter; the answer is not about others"
        )
    if found.leader is not None:
        lines.append(
            f"{pairs.methods[found.leader]} was chosen by its mean, so p-values are Holm's over all comparisons"
        )
    spent = {m: np.nanmean(pairs.flops[m]) for m in range(len(pairs.methods)) if np.isfinite(pairs.flops[m]).any()}
    first = found.settling[0].first
    for second in dict.fromkeys(c.second for c in found.settling):
        if {first, second} <= set(spent) and abs(np.log(spent[first] / spent[second])) > np.log(1 + EQUAL_WITHIN):
            ratio = spent[first] / spent[second]
            lines.append(
                f"nothing is corrected for compute: {pairs.methods[first]} had {ratio:.3g} times the flops of "
                f"{pairs.methods[second]}"
            )
    return tuple(lines)
