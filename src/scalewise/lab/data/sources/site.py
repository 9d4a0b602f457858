"""The sources of the installed packages: about ten times the standard library where PyTorch is installed."""

import sysconfig
from pathlib import Path

from scalewise.lab.data.corpus import Corpus, Options
from scalewise.lab.data.documents import bounded, contents, text_corpus


def site(options: Options) -> Corpus:
    """Python files in the order of their paths, up to `most_bytes`; which, stands in the list of files."""
    root = Path(sysconfig.get_paths()["purelib"])
    documents = bounded(contents(root, root.rglob("*.py")), options.most_bytes)
    return text_corpus("source of the installed Python packages", documents, options)
