"""`scalewise probe dialogue`: ask a chat model, or look again at answers that are there."""

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from scalewise.cli.asking import give
from scalewise.cli.options import AsJson, Csv, FigureFont, Figures, FigureWidth, Html, Seed, check_outputs, check_paper
from scalewise.errors import QuestionError

EXAMPLE = (
    "Example: scalewise probe dialogue http://localhost:8000/v1 --model my-model --into out/dialogue --repeats 3 "
    "--transformation wording --transformation options"
)


def command(
    url: Annotated[str, typer.Argument(metavar="URL", help="The endpoint, up to and with its /v1.")],
    model: Annotated[str, typer.Option(help="The model's name there.")],
    into: Annotated[
        Path, typer.Option(metavar="DIR", help="Where answers are kept; the same folder asks only what is missing.")
    ],
    scenarios: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Your own, .jsonl, or .csv of ETHICS. May be repeated. Default: ours."),
    ] = None,
    transformation: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this transformation. May be repeated. Default: all.")
    ] = None,
    repeats: Annotated[int, typer.Option(help="How often each conversation is held.", min=1)] = 3,
    most: Annotated[int | None, typer.Option(metavar="N", help="Only the first N scenarios.", min=2)] = None,
    temperature: Annotated[float, typer.Option(help="Temperature of sampling.", min=0)] = 1.0,
    max_tokens: Annotated[int, typer.Option(help="Most tokens of an answer.", min=1)] = 64,
    concurrency: Annotated[int, typer.Option(help="Calls at once.", min=1)] = 8,
    per_minute: Annotated[float | None, typer.Option(help="Most calls a minute.", min=0.1)] = None,
    price_in: Annotated[float, typer.Option(help="Dollars per million tokens sent.", min=0)] = 0.0,
    price_out: Annotated[float, typer.Option(help="Dollars per million tokens received.", min=0)] = 0.0,
    budget: Annotated[float | None, typer.Option(help="Stop when so many dollars are spent.", min=0)] = None,
    key_from: Annotated[
        str, typer.Option(metavar="NAME", help="The environment variable that holds the key, if there is one.")
    ] = "OPENAI_API_KEY",
    plan: Annotated[bool, typer.Option("--plan", help="Only say how many calls it would take.")] = False,
    seed: Seed = 0,
    json: AsJson = False,
    csv: Csv = None,
    html: Html = None,
    save_figures: Figures = None,
    figure_width: FigureWidth = None,
    figure_font: FigureFont = None,
) -> None:
    from scalewise.probes.dialogue import Asking, ask_all, conversations, load_scenarios
    from scalewise.probes.dialogue.client import Endpoint
    from scalewise.questions.consistency import consistency

    check_outputs(html, csv, save_figures)
    check_paper(figure_width, figure_font)
    if into.exists() and not into.is_dir():
        raise QuestionError(f"--into {into}: is a file; name a folder.")
    if budget is not None and not (price_in or price_out):
        raise QuestionError("--budget needs --price-in or --price-out: without prices no call costs anything.")
    asked = load_scenarios(scenarios or ())[:most]
    held = conversations(asked, transformation or ())
    calls = repeats * sum(len(conversation.turns) for conversation in held)
    if plan:
        typer.echo(
            f"{len(asked)} scenarios, {len(held):,} conversations, at most {calls:,} calls with {repeats} repeats"
        )
        return
    endpoint = Endpoint(
        url,
        model,
        os.environ.get(key_from),
        temperature,
        max_tokens,
        concurrency,
        per_minute,
        price_in=price_in,
        price_out=price_out,
        budget=budget,
    )
    trials = ask_all(held, Asking(endpoint, repeats, into))
    trials.save(into / "trials.parquet")
    words = ["scalewise", "probe", "dialogue", url, "--model", model, "--into", str(into), "--repeats", str(repeats)]
    words += [w for path in scenarios or () for w in ("--scenarios", str(path))]
    words += [w for name in transformation or () for w in ("--transformation", name)]
    words += ["--most", str(most)] if most else []
    words += ["--temperature", f"{temperature:g}"] if temperature != 1.0 else []
    words += ["--max-tokens", str(max_tokens)] if max_tokens != 64 else []
    words += ["--seed", str(seed)] if seed else []
    give(
        consistency(trials, shlex.join(words), temperature, seed=seed),
        json,
        csv,
        html,
        save_figures,
        figure_width,
        figure_font,
    )
