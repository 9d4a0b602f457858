"""The command that tells laws apart."""

from typing import TYPE_CHECKING, Annotated

import typer

from scalewise.cli.options import (
    AsJson,
    Column,
    Counting,
    Group,
    NanDiverged,
    Seed,
    Table,
    Where,
    read_table,
)
from scalewise.cli.status import CANNOT_TELL

if TYPE_CHECKING:
    from scalewise.laws.families import Family


def compare_laws(
    runs: Table,
    x: Annotated[str, typer.Option(help="The column of scale, for example params, tokens or flops.")] = "params",
    y: Annotated[str, typer.Option(help="The column of the outcome, for example loss or accuracy.")] = "loss",
    family: Annotated[
        list[str] | None, typer.Option("--family", metavar="NAME", help="Compare this family. May be repeated.")
    ] = None,
    items: Annotated[
        str | None, typer.Option(metavar="N|COLUMN", help="Items behind each accuracy: its errors are then binomial.")
    ] = None,
    errors: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column with the standard error of each y.")
    ] = None,
    chance: Annotated[
        float | None, typer.Option(help="The accuracy of guessing, for the logistic.", min=0, max=1)
    ] = None,
    simulations: Annotated[int, typer.Option(help="Data sets simulated from each family.", min=39)] = 200,
    group: Group = None,
    where: Where = None,
    column: Column = None,
    nan_means_diverged: NanDiverged = False,
    flops_by: Counting = "given",
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Which laws describe y against x, can they be told apart, and which new run would settle it?"""
    from rich.console import Console

    from scalewise.laws import compare, fit_families
    from scalewise.questions.outcomes import outcomes
    from scalewise.report.comparison import comparison_json, show_comparison

    table = read_table(runs, where, column, nan_means_diverged, flops_by).of_group(group)
    families = [_family(name) for name in family] if family else None
    points = outcomes(table, x, y, items, errors)
    if points.left_out:
        typer.echo(f"scalewise: {points.left_out} runs without {x} or {y} are left out", err=True)
    try:
        found = compare(fit_families(points.x, points.y, families, points.residual, chance, seed), simulations, seed)
    except ValueError as error:
        from scalewise.errors import QuestionError

        raise QuestionError(f"{table.source}: {error}.") from None
    if json:
        typer.echo(comparison_json(found))
    else:
        show_comparison(found, x, y, Console(highlight=False))
    if len(found.survivors) != 1:
        raise typer.Exit(CANNOT_TELL)


def _family(name: str) -> "Family":
    from scalewise.errors import QuestionError, did_you_mean
    from scalewise.laws.families import CURVES

    known = {f.name: f for f in CURVES}
    if name not in known:
        raise QuestionError(f"there is no family '{name}'{did_you_mean(name, known)}; there are {', '.join(known)}.")
    return known[name]
