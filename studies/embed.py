"""Put a trained suite into the package: its table, and the record of what it was trained on and with.

scalewise train studies/smol.toml --into out/smol
python studies/embed.py out/smol
"""

import gzip
import json
import sys
from pathlib import Path
from typing import Any

from scalewise.runs.readers import read
from scalewise.runs.store import Store

EMBEDDED = Path(__file__).resolve().parents[1] / "src" / "scalewise" / "runs" / "embedded"
LEFT_OUT = ("data_sha256", "context", "vocabulary", "code", "arithmetic", "step")
"""The same in every row, and kept in the record; or of no use without the training curves."""


def files_of(record: dict[str, Any]) -> str:
    """The name of the list of files, by their hash: suites of one text share it."""
    return f"files_{record['sha256'][:8]}.csv.gz"


def main(directory: Path) -> None:
    store = Store(directory)
    name = directory.name
    runs = read(directory)
    table = runs.table.drop(LEFT_OUT).sort("params", "flops_budget", "lr", "seed")
    table.write_csv(EMBEDDED / f"{name}.csv")
    cells = store.tuning()
    record = {
        **json.loads((directory / "corpus.json").read_text(encoding="utf-8")),
        "study": f"studies/{name}.toml",
        "runs": table.height,
        "cells": len(cells),
        "cells_bracketed": sum(cell["bracketed"] for cell in cells),
        "flops": float(table["flops"].sum()),
        "run_hours": round(float(table["seconds"].sum()) / 3600, 2),
        **json.loads((directory / "environment.json").read_text(encoding="utf-8")),
        "arithmetic": runs.table["arithmetic"][0],
    }
    (EMBEDDED / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    files = (directory / "corpus_files.csv").read_bytes()
    (EMBEDDED / files_of(record)).write_bytes(gzip.compress(files, mtime=0))
    named = {files_of(json.loads(path.read_text(encoding="utf-8"))) for path in EMBEDDED.glob("*.json")}
    for path in EMBEDDED.glob("files_*.csv.gz"):
        if path.name not in named:
            path.unlink()
    print(json.dumps(record, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
