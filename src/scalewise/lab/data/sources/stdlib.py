"""The source of the Python standard library: text that every machine with Python has."""

import os
import platform
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from scalewise.lab.data.corpus import Corpus, Options
from scalewise.lab.data.documents import contents, text_corpus


def stdlib(options: Options) -> Corpus:
    """Without installed packages; the same text wherever the same version of Python is."""
    root = Path(sysconfig.get_paths()["stdlib"])
    name = f"Python {platform.python_version()} standard library source"
    return text_corpus(name, contents(root, _sources(root)), options)


def _sources(root: Path) -> Iterator[Path]:
    """Folders of installed packages are not entered: listing them would take longer than reading all that is wanted."""
    for folder, inside, names in os.walk(root):
        inside[:] = [name for name in inside if name not in ("site-packages", "dist-packages")]
        yield from (Path(folder, name) for name in names if name.endswith(".py"))
