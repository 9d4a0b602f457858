"""`scalewise probe memorising`: the nearest training text beside what a model says."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scalewise.cli.options import Seed, check_outputs
from scalewise.cli.training import check_torch

if TYPE_CHECKING:
    from scalewise.questions.answer import Answer

EXAMPLE = "Example: scalewise probe memorising out/lab --count 200 --retrain"


def command(
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL", help="A run's or study's folder, or a checkpoint in the Hugging Face format."),
    ],
    trained: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Text a checkpoint was trained on; a run keeps its own.")
    ] = None,
    untrained: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="The same kind of text, not trained on. Default: what the run has not read."),
    ] = None,
    queries: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Prompts, one a line, or JSON lines with prompt and answer. Default: held-out text."
        ),
    ] = None,
    count: Annotated[int, typer.Option(help="Queries from held-out text.", min=20)] = 100,
    most: Annotated[int, typer.Option(help="Passages compared on each side, at most.", min=20)] = 2000,
    k: Annotated[int, typer.Option(help="Nearest passages looked at.", min=1, max=50)] = 10,
    retrain: Annotated[
        bool, typer.Option("--retrain", help="Train the run again without the nearest passages.")
    ] = False,
    drop: Annotated[int, typer.Option(help="With --retrain: queries whose passages are dropped.", min=2)] = 20,
    keep: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep embeddings in this .npy file; a killed run goes on there.")
    ] = None,
    approximate: Annotated[
        bool,
        typer.Option("--approximate", help="Search by an index (faiss) instead of exactly: for millions of passages."),
    ] = False,
    permutations: Annotated[int, typer.Option(help="Random deals behind the p-value.", min=99)] = 999,
    seed: Seed = 0,
) -> "Answer":
    import shlex

    check_outputs(keep)
    check_torch()
    from scalewise.probes.memorising.measure import measure
    from scalewise.probes.memorising.subject import Texts, subject_at
    from scalewise.questions.answer import Repeat
    from scalewise.questions.memorising import memorising
    from scalewise.version import VERSION

    subject = subject_at(model, Texts(trained, untrained, queries, count, most, seed))
    found = measure(subject, k, permutations, drop if retrain else None, keep, seed, approximate)
    texts = {"--trained": trained, "--untrained": untrained, "--queries": queries}
    sizes = {"--count": count, "--most": most, "--k": k, "--permutations": permutations, "--seed": seed}
    given = {name: value for name, value in {**texts, **sizes}.items() if value is not None}
    words = [str(word) for pair in given.items() for word in pair] + (["--retrain", "--drop", str(drop)] * retrain)
    words += ["--approximate"] * approximate
    again = Repeat(
        shlex.join(["scalewise", "probe", "memorising", str(model), *words]),
        VERSION,
        seed,
        subject.name,
        subject.sha256,
    )
    notes = [*subject.notes, *(["nearest passages were sought by an index, which may miss some"] * approximate)]
    return memorising(found.trials, found.dealt_again, found.examples, k, again, found.retrained, notes)
