"""The source of the Python standard library: text that every machine with Python has."""

import platform
import sysconfig
from pathlib import Path

from scalewise.lab.data.corpus import Corpus, Options
from scalewise.lab.data.documents import contents, text_corpus


def stdlib(options: Options) -> Corpus:
    """Without installed packages; the same text wherever the same version of Python is."""
    root = Path(sysconfig.get_paths()["stdlib"])
    files = [p for p in root.rglob("*.py") if "site-packages" not in p.parts and "dist-packages" not in p.parts]
    return text_corpus(f"Python {platform.python_version()} standard library source", contents(root, files), options)
