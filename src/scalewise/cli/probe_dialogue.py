"""`scalewise probe dialogue`: ask a chat model, or look again at answers that are there."""

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scalewise.cli.options import Seed
from scalewise.errors import QuestionError
from scalewise.probes.dialogue.variants import TRANSFORMATIONS

if TYPE_CHECKING:
    from scalewise.questions.answer import Answer

EXAMPLE = (
    "Examples: scalewise probe dialogue http://localhost:8000/v1 --model my-model --into out/dialogue --repeats 3 "
    "--transformation wording --transformation options; scalewise probe dialogue --from-logs logs/"
)

KEY = "OPENAI_API_KEY"


def command(
    url: Annotated[
        str | None, typer.Argument(metavar="URL", help="The endpoint, up to and with its /v1. Or give --from-logs.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The model's name there, or in the logs.")] = None,
    into: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where answers are kept; the same folder asks only what is missing."),
    ] = None,
    from_logs: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="Answers that are there: Inspect logs, lm-eval samples, or a folder of them. May be repeated.",
        ),
    ] = None,
    plain: Annotated[
        str | None,
        typer.Option(metavar="TASK", help="With --from-logs: the task that asks plainly. Default: the first."),
    ] = None,
    score: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="With --from-logs: the scorer or metric, where there are several."),
    ] = None,
    scenarios: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Your own, .jsonl, or .csv of ETHICS. May be repeated; 'ours' adds ours. Default: ours.",
        ),
    ] = None,
    transformation: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help=f"Only this: {', '.join(TRANSFORMATIONS)}. May be repeated. Default: all."),
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
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long an answer may take before it is asked for again.", min=1)
    ] = 60.0,
    key_from: Annotated[
        str, typer.Option(metavar="NAME", help="The environment variable that holds the key, if there is one.")
    ] = KEY,
    plan: Annotated[
        bool,
        typer.Option(
            "--plan", help="Only say how many calls it would take, and with prices what it costs; needs no URL."
        ),
    ] = False,
    seed: Seed = 0,
) -> "Answer | None":
    if from_logs:
        spent = (repeats, price_in, price_out) != (3, 0.0, 0.0) or budget is not None or per_minute is not None
        if url or into or scenarios or transformation or plan or most or spent:
            raise QuestionError("--from-logs reads answers that are there; leave out the URL and what is to be asked.")
        return _from_logs(from_logs, model, plain, score, seed)
    if plain or score:
        raise QuestionError("--plain and --score are for --from-logs.")
    if not plan and (url is None or model is None or into is None):
        raise QuestionError("give a URL, its --model and --into DIR, or answers that are there: --from-logs PATH.")
    from scalewise.probes.dialogue import Asking, ask_all, conversations, load_scenarios, planned
    from scalewise.probes.dialogue.client import Endpoint
    from scalewise.questions.consistency import consistency

    if budget is not None and not (price_in or price_out):
        raise QuestionError("--budget needs --price-in or --price-out: without prices no call costs anything.")
    asked = load_scenarios(scenarios or ())[:most]
    held = conversations(asked, transformation or ())
    endpoint = Endpoint(
        url or "",
        model or "",
        os.environ.get(key_from),
        temperature,
        max_tokens,
        concurrency,
        per_minute,
        timeout,
        price_in=price_in,
        price_out=price_out,
        budget=budget,
    )
    asking = Asking(endpoint, repeats, into or Path())
    if plan:
        calls, dollars = planned(held, asking)
        typer.echo(
            f"{len(asked)} scenarios, {len(held):,} conversations, at most {calls:,} calls with {repeats} repeats"
            + (f", at most {dollars:.2g} dollars" if dollars else "")
        )
        return None
    trials = ask_all(held, asking)
    trials.save(asking.directory / "trials.parquet")
    words = ["scalewise", "probe", "dialogue", endpoint.url, "--model", endpoint.model]
    words += ["--into", str(into), "--repeats", str(repeats)]
    words += [w for path in scenarios or () for w in ("--scenarios", str(path))]
    words += [w for name in transformation or () for w in ("--transformation", name)]
    words += ["--most", str(most)] if most else []
    words += ["--temperature", f"{temperature:g}"] if temperature != 1.0 else []
    words += ["--max-tokens", str(max_tokens)] if max_tokens != 64 else []
    words += ["--key-from", key_from] if key_from != KEY else []
    words += ["--seed", str(seed)] if seed else []
    return consistency(trials, shlex.join(words), temperature, seed=seed)


def _from_logs(paths: list[Path], model: str | None, plain: str | None, score: str | None, seed: int) -> "Answer":
    from scalewise.probes.dialogue.samples import read_samples
    from scalewise.questions.consistency import consistency

    samples = read_samples(paths, score, plain, model)
    words = ["scalewise", "probe", "dialogue", *(word for path in paths for word in ("--from-logs", str(path)))]
    given = {"--model": model, "--plain": plain, "--score": score, "--seed": str(seed) if seed else None}
    words += [word for name, value in given.items() if value for word in (name, value)]
    return consistency(
        samples.trials,
        shlex.join(words),
        samples.temperature,
        seed=seed,
        guises=samples.guises,
        outcome=samples.outcome,
        notes=samples.notes,
    )
