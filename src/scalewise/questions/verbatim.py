"""Do a model's texts copy longer stretches of its training text than fresh text of the same kind does?"""

from collections.abc import Sequence
from math import erf

from scalewise.questions.answer import Answer, Finding, Repeat, judge, with_interval
from scalewise.runs.trials import Trials

MODEL, FRESH = "the model's", "fresh"
LONG = 50
"""Bytes from which a verbatim span counts as long (Carlini et al. 2023 take 50 tokens)."""
SHOWN = 60
EXAMPLES = 10


def verbatim(trials: Trials, spans: Sequence[tuple[bytes, int, float]], corpus: str, repeat: Repeat) -> Answer:
    """An Answer from the longest spans.

    `trials` has the conditions "the model's" and, for a comparison, "fresh"; `spans` are the model's: bytes,
    occurrences in the corpus, log10 probability of the bytes drawn independently.
    """
    import polars as pl

    table = trials.table.group_by("condition").agg(
        pl.len().alias("texts"),
        pl.col("value").mean().alias("mean"),
        pl.col("value").median().alias("median"),
        pl.col("value").max().alias("longest"),
        (pl.col("value") >= LONG).mean().alias("long"),
    )
    rows = {row["condition"]: row for row in table.iter_rows(named=True)}
    contrast = _contrast(trials) if FRESH in rows else None
    probability = None if contrast is None else _above_zero(*contrast[:2])
    ordered = sorted(spans, key=lambda span: (-len(span[0]), span[2]))[:EXAMPLES]
    summary = tuple(
        (name, row["texts"], row["mean"], row["median"], int(row["longest"]), row["long"])
        for name in (MODEL, FRESH)
        if (row := rows.get(name))
    )
    findings = [Finding("Longest verbatim span", ("texts_of", "texts", *COLUMNS), summary, "in bytes.")]
    if contrast:
        mean, _, low, high = contrast
        findings.append(
            Finding(
                "The model's minus fresh", with_interval("longer_by"), ((mean, low, high),), "bytes, paired by prompt."
            )
        )
    findings.append(
        Finding(
            "The longest spans of the model",
            ("bytes", "occurrences", "log10_chance", "span"),
            tuple((len(text), count, chance, _shown(text)) for text, count, chance in ordered),
            "log10 chance: of these bytes drawn independently with their frequencies; near 0 is unremarkable.",
        )
    )
    return Answer(
        question="verbatim",
        claim="the model's texts copy longer stretches of the training text than fresh text does",
        verdict=judge(probability),
        probability=probability,
        sentence=_sentence(rows, contrast, corpus),
        repeat=repeat,
        findings=tuple(findings),
        assumptions=(
            "fresh text is of the same kind as the training text and was not trained on",
            "a copy is byte for byte: one changed character ends it",
        ),
    )


COLUMNS = ("mean_span", "median_span", "longest_span", f"share_of_{LONG}_or_more")


def _contrast(trials: Trials) -> tuple[float, float, float, float]:
    """Mean difference, its standard error, and the 95 % interval."""
    row = trials.to_runs("longer_by", by=("condition",), against=FRESH).table.row(0, named=True)
    mean, se = float(row["longer_by"]), float(row["se"])
    return mean, se, mean - 1.96 * se, mean + 1.96 * se


def _above_zero(mean: float, se: float) -> float:
    if se == 0:
        return 0.5 if mean == 0 else float(mean > 0)
    return 0.5 * (1 + erf(mean / se / 2**0.5))


def _sentence(
    rows: dict[str, dict[str, float]], contrast: tuple[float, float, float, float] | None, corpus: str
) -> str:
    own = rows[MODEL]
    start = (
        f"The longest stretch that a text of the model shares with {corpus} is {own['mean']:.1f} bytes on average and "
        f"{own['longest']:.0f} at most"
    )
    if contrast is None:
        return f"{start}; without fresh text beside it nobody can say whether that is long."
    mean, _, low, high = contrast
    return f"{start}, {mean:+.1f} [{low:+.1f}, {high:+.1f}] bytes against fresh text of the same length."


def _shown(span: bytes) -> str:
    text = span.decode("utf-8", errors="replace").replace("\n", "⏎").replace("\t", "⇥").replace("\0", "∅")
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
