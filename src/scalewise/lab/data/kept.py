"""The corpus of a study, kept in its folder when it begins: every worker maps it into memory, on whatever machine, and
a study goes on with the text it was begun on even where the source has changed since.

Files that are mapped into memory already, which may be larger than any copy should be, stay where they are.
"""

import json
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from scalewise.errors import StudyError
from scalewise.lab.data.corpus import Corpus, Tokens
from scalewise.runs.files import write_text, write_whole

FOLDER, KEPT = Path("corpus"), Path("corpus/kept.json")
TOKENIZER = Path("corpus/tokenizer.json")
TEMPLATE = "chat_template.jinja"
"""How conversations are written; it lies beside a tokenizer's file, where there is one."""
RECORD, FILES = "corpus.json", "corpus_files.csv"
SIDES = ("train", "held_out")


def keep(corpus: Corpus, directory: Path) -> None:
    """Write the corpus into a study's folder. What says that it is kept is written last."""
    sides = {side: _keep_side(getattr(corpus, side), directory, side) for side in SIDES}
    others = {field.name: getattr(corpus, field.name) for field in fields(Corpus)}
    del others["train"], others["held_out"], others["file_list"]
    if corpus.tokenizer:
        write_text(directory / TOKENIZER, Path(corpus.tokenizer).read_text(encoding="utf-8"))
        others["tokenizer"] = str(TOKENIZER)
        template = Path(corpus.tokenizer).with_name(TEMPLATE)
        if template.is_file():
            write_text((directory / TOKENIZER).with_name(TEMPLATE), template.read_text(encoding="utf-8"))
    write_text(directory / FILES, corpus.file_list)
    write_text(directory / RECORD, json.dumps(corpus.record, indent=1))
    write_text(directory / KEPT, json.dumps(others | sides, indent=1))


def _keep_side(tokens: Tokens, directory: Path, side: str) -> dict[str, Any]:
    """Where the tokens of a side are from now on."""
    place: dict[str, Any] = {"dtype": tokens.dtype.str, "size": tokens.size}
    if isinstance(tokens, np.memmap):
        return place | {"file": str(Path(str(tokens.filename)).resolve()), "offset": tokens.offset}
    file = FOLDER / f"{side}.bin"
    write_whole(directory / file, partial(_save, tokens))
    return place | {"file": str(file), "offset": 0}


def _save(tokens: Tokens, path: Path) -> None:
    path.write_bytes(tokens.data)


def is_kept(directory: Path) -> bool:
    return (directory / KEPT).is_file()


def kept(directory: Path) -> Corpus:
    """The corpus in a study's folder, mapped into memory. Raises StudyError when it is not there."""
    if not is_kept(directory):
        raise StudyError(f"{directory}: holds no text of a study; it was never trained into.")
    record: dict[str, Any] = json.loads((directory / KEPT).read_text(encoding="utf-8"))
    for side in SIDES:
        record[side] = _mapped(directory, record[side])
    if record.get("tokenizer"):
        record["tokenizer"] = str(directory / record["tokenizer"])
    return Corpus(**record, file_list=(directory / FILES).read_text(encoding="utf-8"))


def _mapped(directory: Path, place: dict[str, Any]) -> Tokens:
    if not place["size"]:
        return np.empty(0, place["dtype"])
    file = directory / place["file"]
    try:
        return np.memmap(file, place["dtype"], "r", place["offset"], (place["size"],))
    except (OSError, ValueError) as error:
        raise StudyError(f"{file}: the text of this study is not there any more ({error}).") from None
