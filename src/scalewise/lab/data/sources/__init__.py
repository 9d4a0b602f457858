"""Where a corpus can be from, one file each. A new source is a file here and a line below."""

from collections.abc import Callable

from scalewise.lab.data.corpus import Corpus, Options
from scalewise.lab.data.sources.datasets import datasets
from scalewise.lab.data.sources.digits import digits
from scalewise.lab.data.sources.files import files
from scalewise.lab.data.sources.glyphs import glyphs
from scalewise.lab.data.sources.images import images
from scalewise.lab.data.sources.site import site
from scalewise.lab.data.sources.stdlib import stdlib
from scalewise.lab.data.sources.token_files import token_files
from scalewise.lab.data.tasks import TASKS, task_corpus

NAMED: dict[str, Callable[[Options], Corpus]] = {"stdlib": stdlib, "site": site, "digits": digits, "glyphs": glyphs}
OF_A_PLACE: dict[str, Callable[[str, Options], Corpus]] = {
    "hf": datasets,
    "tokens": token_files,
    "images": images,
}
"""Written `hf:NAME`, `tokens:PATH`, `images:FOLDER`."""


def read(source: str, options: Options) -> Corpus:
    """The corpus of a name, of a place after a prefix, of a task, or of a path to text."""
    if source in NAMED:
        return NAMED[source](options)
    if source in TASKS:
        return task_corpus(source, options.context)
    kind, colon, place = source.partition(":")
    if colon and kind in OF_A_PLACE:
        return OF_A_PLACE[kind](place, options)
    return files(source, options)


def known() -> list[str]:
    """What may be written as `data.corpus`, apart from a path."""
    return [*NAMED, *TASKS, *(f"{kind}:..." for kind in OF_A_PLACE)]
