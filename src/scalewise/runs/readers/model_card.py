"""Results in a Hugging Face model card: the `model-index` in the front matter of a README.md.

A row is one model; a column is `DATASET/METRIC`. Accuracies in per cent become fractions.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalewise.errors import TableError
from scalewise.runs.readers.bounded import whole, yaml_object
from scalewise.runs.readers.format import Format
from scalewise.runs.report import ReadingReport

if TYPE_CHECKING:
    import polars as pl

LARGEST_CARD = 2**22
SHARES = ("accuracy", "acc", "acc_norm", "exact_match")
KEY = b"model-index:"


def unit(path: Path, head: bytes) -> Path | None:
    if path.suffix.lower() != ".md" or not head.startswith(b"---"):
        return None
    with path.open("rb") as file:
        return path.parent if path.name == "README.md" and KEY in file.read(LARGEST_CARD) else None


def read(path: Path, name: str, report: ReadingReport) -> "pl.DataFrame":
    import polars as pl

    file = path if path.is_file() else path / "README.md"
    front = whole(file, LARGEST_CARD).partition(b"---")[2].partition(b"\n---")[0]
    models = yaml_object(front, str(file)).get("model-index")
    if not isinstance(models, list) or not all(isinstance(model, dict) for model in models):
        raise TableError(f"{file}: no list 'model-index' in its front matter.")
    rows = [{"run": str(model.get("name", name))[:300]} | _scores(model, report) for model in models]
    if not any(len(row) > 1 for row in rows):
        raise TableError(f"{file}: its model-index holds no number.")
    return pl.DataFrame(rows, infer_schema_length=None, strict=False)


def _scores(model: dict[str, Any], report: ReadingReport) -> dict[str, float]:
    scores: dict[str, float] = {}
    plain: dict[str, list[float]] = {}
    for result in model.get("results") or []:
        known = result if isinstance(result, dict) else {}
        dataset = known["dataset"] if isinstance(known.get("dataset"), dict) else {}
        for metric in known.get("metrics") or []:
            entry = metric if isinstance(metric, dict) else {}
            kind, value = str(entry.get("type", "metric"))[:100], entry.get("value")
            if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e300:
                continue
            number = float(value)
            if kind in SHARES and 1 < number <= 100:
                report.add("converted", f"{kind} was divided by 100 (per cent to fraction)")
                number /= 100
            scores[f"{str(dataset.get('name', 'dataset'))[:100]}/{kind}"] = number
            plain.setdefault(kind, []).append(number)
    for kind in ("accuracy", "loss"):
        if len(plain.get(kind, ())) == 1:
            report.add("columns", f"{kind} is the only {kind} of the card")
            scores[kind] = plain[kind][0]
    return scores


MODEL_CARD = Format("Hugging Face model card", unit, read)
