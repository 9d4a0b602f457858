"""`scalewise probe verbatim`: the longest stretches that a model copies from its training text."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scalewise.cli.options import Seed
from scalewise.cli.training import check_torch

if TYPE_CHECKING:
    from scalewise.questions.answer import Answer

EXAMPLE = "Example: scalewise probe verbatim out/lab  or  scalewise probe verbatim --texts said.jsonl --corpus texts/"


def command(
    model: Annotated[
        Path | None,
        typer.Argument(
            metavar="MODEL",
            help="A run's or study's folder, or a checkpoint in the Hugging Face format. Or give --texts and --corpus.",
        ),
    ] = None,
    texts: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Texts of any model as JSON lines: text, and fresh beside it."),
    ] = None,
    corpus: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What was trained on. Default: what the run has read.")
    ] = None,
    untrained: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Text that a checkpoint was not trained on; prompts are cut from it."),
    ] = None,
    count: Annotated[int, typer.Option(help="Texts that the model is made to write.", min=20)] = 200,
    index: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="With --corpus: search an index on disk, made there unless it is; for more than 100 MB.",
        ),
    ] = None,
    seed: Seed = 0,
) -> "Answer":
    import hashlib
    import shlex

    from scalewise.errors import QuestionError
    from scalewise.probes.memorising.models import is_checkpoint
    from scalewise.questions.answer import Repeat
    from scalewise.version import VERSION

    if (model is None) == (texts is None) or (texts is not None and corpus is None):
        raise QuestionError("give either a trained run, or texts and what they may be copied from: --texts, --corpus.")
    if index and not corpus:
        raise QuestionError("--index DIR is of a corpus: name it with --corpus.")
    if untrained and not (model and is_checkpoint(model)):
        raise QuestionError("--untrained is for a checkpoint; a run continues its own held-out text.")
    if model:
        check_torch()
    from scalewise.lab.reading import reading_of
    from scalewise.lab.weights import load_weights, run_folder
    from scalewise.probes.memorising import verbatim as probe
    from scalewise.probes.memorising.models import HubModel, LabModel
    from scalewise.probes.memorising.spans import SpanIndex
    from scalewise.probes.memorising.spans_on_disk import DiskSpanIndex
    from scalewise.questions.verbatim import verbatim

    words: list[str] = ["scalewise", "probe", "verbatim"]
    if texts is not None and corpus is not None:
        given, reading, name = probe.read_texts(texts), None, corpus
        words += ["--texts", str(texts), "--corpus", corpus]
    elif model and is_checkpoint(model):
        if not corpus or not untrained:
            raise QuestionError(f"{model}: of a checkpoint, name what it was trained on (--corpus) and --untrained.")
        given, reading, name = probe.checkpoint_texts(HubModel(model), untrained, count, seed), None, corpus
        words += [str(model), "--corpus", corpus, "--untrained", untrained, "--count", str(count), "--seed", str(seed)]
    else:
        folder = run_folder(model or Path())
        reading = reading_of(folder)
        given = probe.lab_texts(LabModel(load_weights(folder)), reading, count, seed)
        name = corpus or "what it has read"
        words += [str(model), "--count", str(count), "--seed", str(seed), *(["--corpus", corpus] if corpus else [])]
    if index and corpus:
        words += ["--index", str(index)]
        on_disk = DiskSpanIndex(corpus, index)
        found = probe.verbatim(on_disk, given, str(texts or model))
        with on_disk.text_path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    else:
        text = probe.read_so_far(reading) if reading and not corpus else probe.corpus_bytes(corpus or "")
        found = probe.verbatim(SpanIndex(text), given, str(texts or model))
        digest = hashlib.sha256(text).hexdigest()
    again = Repeat(shlex.join(words), VERSION, seed, str(texts or model), digest)
    spans = [(span.text, span.occurrences, span.log10_chance) for span in found.spans]
    return verbatim(found.trials, spans, name, again)
