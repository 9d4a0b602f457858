"""The embedded suites: real training runs of our own, so that every command works before you have any data.

`NAME.csv` holds one row per run at its end; `NAME.json` says on which text, with which software, and what it cost.
`files_HASH.csv.gz` lists the files of a text, by the beginning of its sha256: both suites were trained on the same.
Made by `make smol` and `make recipe-flip`; see docs/embedded-suite.md.
"""

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

EMBEDDED = ("smol", "recipe-flip")


def read_embedded(name: str) -> "pl.DataFrame":
    """The rows of an embedded suite."""
    import polars as pl

    return pl.read_csv(files(__name__).joinpath(f"{name}.csv").read_bytes())


def provenance(name: str) -> dict[str, Any]:
    """Text, software and cost of an embedded suite."""
    record: dict[str, Any] = json.loads(files(__name__).joinpath(f"{name}.json").read_text())
    return record
