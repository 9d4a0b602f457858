"""The model card: what the model is, how it was trained and measured, and how to load it."""

import math
from functools import cache
from typing import TYPE_CHECKING

from scalewise.lab.shapes import Shape
from scalewise.runs.store import Record, RunFolder, Store
from scalewise.version import VERSION

if TYPE_CHECKING:
    import jinja2


def model_card(
    name: str,
    study: str,
    folder: RunFolder,
    shape: Shape,
    corpus: Record,
    *,
    license_id: str | None,
    without_report: str | None,
    with_chat: bool = False,
) -> str:
    """The card as Markdown under the Hub's metadata. `without_report` says why there is none, where that is so."""
    store, run, last = Store(folder.path.parents[1]), folder.path.name, folder.metrics()[-1]
    config, cell = folder.config(), _cell(store, run)
    bytes_per_token = float(corpus.get("bytes_per_token", 1))
    return _template().render(
        name=name,
        study=study,
        shape=shape,
        corpus=corpus,
        config=config,
        last=last,
        loss=f"{last['loss']:.4f}",
        bits=f"{last['loss'] / math.log(2) / bytes_per_token:.4f}",
        unit="token" if "bytes_per_token" in corpus else "byte",
        bytes_per_token=bytes_per_token,
        epochs=f"{last['tokens'] / config['data_size']:.2g}",
        seeds=_other_seeds(store, run, cell),
        tuned=_tuned(cell),
        license=license_id,
        without_report=without_report,
        with_chat=with_chat,
        version=VERSION,
    )


def _cell(store: Store, run: str) -> Record | None:
    """The tuned cell whose best rate this run has, with whichever seed."""
    return next((cell for cell in store.tuning() if run in cell.get("runs", ())), None)


def _other_seeds(store: Store, run: str, cell: Record | None) -> str:
    """The losses that the same recipe reached with other seeds."""
    others = [store.run(name) for name in (cell["runs"] if cell else ()) if name != run]
    return ", ".join(f"{other.metrics()[-1]['loss']:.4f}" for other in others if other.state() == "finished")


def _tuned(cell: Record | None) -> str:
    """How the learning rate came about."""
    if cell is None:
        return "Its learning rate is one of several tried at this size and compute, and not the best of them."
    tried = len(cell["losses"])
    if tried == 1:
        return "Its learning rate was taken over from another size of the study, not searched at this one."
    edge = "worse rates were tried on both sides" if cell["bracketed"] else "it is at the edge of what was tried"
    return f"Its learning rate is the best of {tried} tried at this size and compute; {edge}."


@cache
def _template() -> "jinja2.Template":
    import jinja2

    environment = jinja2.Environment(  # Markdown, so nothing is escaped
        loader=jinja2.PackageLoader("scalewise.publish"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("card.md")
