"""The folder that is published: the model, and everything by which others can check what is said of it."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from shutil import copyfile, rmtree

from scalewise.errors import QuestionError, StudyError
from scalewise.lab.data.kept import TEMPLATE, TOKENIZER, kept
from scalewise.lab.study import load_study
from scalewise.lab.weights import load_weights, run_folder
from scalewise.publish.card import model_card
from scalewise.publish.checkpoint import Chat, write_checkpoint
from scalewise.publish.tokenizer import ByteTokenizer, FileTokenizer
from scalewise.questions.ask_each import USUAL, Call, ask_each
from scalewise.report.html import write_html
from scalewise.runs import read
from scalewise.runs.files import check_writable, write_text
from scalewise.runs.store import Store

RECORDS = ("study.toml", "corpus.json", "corpus_files.csv", "environment.json")


def publish(
    run: Path,
    to: Path,
    *,
    name: str | None = None,
    license_id: str | None = None,
    chat: Chat | None = None,
    seed: int = 0,
) -> Path:
    """Write a trained run as a folder that transformers loads; the run's own folder is returned.

    `run` is that folder, or a study's for its run with the lowest held-out loss. Without `chat` the template is the one
    that lay beside the study's tokenizer, if one did. The folder `to` appears whole or not at all. Raises StudyError
    when the run is not there, has not kept its weights, does not read text, or is of an architecture that no standard
    format holds, and MissingExtraError without safetensors.
    """
    if to.exists():
        raise StudyError(f"--to {to}: is there already; name a new folder.")
    check_writable(to)
    folder = run_folder(run)
    corpus = kept(folder.path.parents[1])
    if not (corpus.is_bytes_of_text or corpus.tokenizer):
        raise StudyError(
            f"{folder.path}: was trained on '{corpus.name}', whose tokens are neither the bytes of a text nor those of "
            "a tokenizer file; only models that read text are published, with their tokenizer."
        )
    if chat is None and (template := kept_template(run)):
        chat = Chat(template)
    beside = to.absolute().with_name(f".{to.name}.{os.getpid()}.new")
    try:
        tokenizer = FileTokenizer(Path(corpus.tokenizer)) if corpus.tokenizer else ByteTokenizer()
        write_checkpoint(load_weights(folder), beside, chat, tokenizer)
        _write_records(Store(folder.path.parents[1]), beside)
        copyfile(folder.metrics_path, beside / "metrics.jsonl")
        copyfile(Path(__file__).parent / "templates" / "demo.py", beside / "demo.py")
        study = load_study(beside / "study.toml")
        calls = [(call.ask, call.options, call.where) for call in study.questions] or list(USUAL)
        card = model_card(
            name or f"{study.name}-{folder.path.name}",
            study.name,
            folder,
            load_weights(folder).shape,
            corpus.record,
            license_id=license_id,
            without_report=_write_report(beside, calls, seed),
            with_chat=chat is not None,
        )
        write_text(beside / "README.md", card)
        write_text(beside / "SHA256SUMS", _sums(beside))
        beside.rename(to)
    finally:
        rmtree(beside, ignore_errors=True)
    return folder.path


def kept_template(run: Path) -> str | None:
    """The chat template that lay beside the tokenizer's file when the run's study began."""
    template = (run_folder(run).path.parents[1] / TOKENIZER).with_name(TEMPLATE)
    return template.read_text(encoding="utf-8") if template.is_file() else None


def _write_records(store: Store, into: Path) -> None:
    """How the study was made, and all of its runs."""
    for record in RECORDS:
        copyfile(store.path / record, into / record)
    runs = read(store.path)
    runs.save(into / "runs.csv")
    runs.save(into / "runs.parquet")


def _write_report(folder: Path, calls: Sequence[Call], seed: int) -> str | None:
    """The study's questions, asked of the table beside the report; why there is none where none could be asked."""
    runs = replace(read(folder / "runs.csv"), source="runs.csv")
    try:
        answers, _ = ask_each(runs, calls, seed)
    except QuestionError as error:
        return str(error)
    write_html(answers, folder / "report.html")
    return None


def _sums(folder: Path) -> str:
    """One line per file, as `sha256sum` writes it."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)
