"""Any text file, or all files of a folder."""

from pathlib import Path

from scalewise.errors import StudyError
from scalewise.lab.data.corpus import Corpus, Options
from scalewise.lab.data.documents import contents, text_corpus


def files(path: str, options: Options) -> Corpus:
    """Raises StudyError when there is no such path."""
    from scalewise.lab.data.sources import known

    root = Path(path)
    if not root.exists():
        raise StudyError(
            f"data: corpus '{path}' is neither {', '.join(map(repr, known()))} nor an existing file or folder."
        )
    if root.is_file():
        return text_corpus(root.name, contents(root.parent, [root]), options)
    return text_corpus(root.name, contents(root, (p for p in root.rglob("*") if p.is_file())), options)
