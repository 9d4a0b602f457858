"""A data set of the Hugging Face hub, or local files in its formats, streamed up to a number of bytes."""

from collections.abc import Iterator
from importlib.util import find_spec

from scalewise.errors import MissingExtraError, StudyError, first_line
from scalewise.lab.data.corpus import Corpus, Options
from scalewise.lab.data.documents import Document, bounded, text_corpus


def datasets(name: str, options: Options) -> Corpus:
    """`NAME`, `NAME:CONFIGURATION` or a folder; the split `train`, of which each row's `column` is a document.

    Raises StudyError when there is no such data set or column, MissingExtraError without the `datasets` package.
    """
    if find_spec("datasets") is None:
        raise MissingExtraError("datasets", "text", f"data: corpus 'hf:{name}'")
    documents = bounded(_rows(name, options.column), options.most_bytes)
    return text_corpus(f"hf:{name}", documents, options, listed=False)


def _rows(name: str, column: str) -> Iterator[Document]:
    from datasets import load_dataset

    path, _, configuration = name.partition(":")
    try:
        stream = load_dataset(path, configuration or None, split="train", streaming=True)
        for number, row in enumerate(stream):
            if column not in row:
                raise StudyError(f"data.column: 'hf:{name}' has no column '{column}'; it has {', '.join(row)}.")
            yield str(number), str(row[column]).encode()
    except StudyError:
        raise
    except Exception as error:  # the hub, the network and the formats have errors of many kinds
        raise StudyError(f"data: corpus 'hf:{name}' cannot be read: {first_line(error)}.") from None
