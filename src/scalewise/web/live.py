"""A suite in training as the page shows it: its status in words, and the curves of its runs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scalewise.lab import status
from scalewise.lab.data.kept import is_kept
from scalewise.lab.status import CellStatus, RunStatus, SizeStatus
from scalewise.questions.wording import count, flops
from scalewise.runs.progress import duration
from scalewise.runs.store import Record

MOST_POINTS = 60
"""A curve of more points is thinned out for the drawing."""


@dataclass
class Watched:
    """One store being watched."""

    path: Path
    _watched: status.Watched | None = None

    def snapshot(self) -> Record:
        """Everything the page shows of a suite, as JSON."""
        if self._watched is None:
            self._watched = status.Watched(self.path, status.planned(self.path) if is_kept(self.path) else ())
        seen = self._watched.look()
        return {
            "training": seen.being_trained,
            "ended": seen.ended,
            "running": seen.training,
            "diverged": seen.diverged,
            "failed": seen.failed,
            "cost": flops(seen.flops),
            "worker_seconds": seen.worker_seconds,
            "share": seen.done,
            "seconds_left": seen.seconds_left,
            "sizes": [_in_words(size) for size in seen.sizes],
            "curves": [point for run in self._watched.runs.values() for point in _points(run)],
        }


def _in_words(size: SizeStatus) -> Record:
    """How far one size is, with the rates tried at every budget that is tuned."""
    return {
        "group": size.arm,
        "size": count(size.params),
        "ended": size.ended,
        "running": size.training,
        "now": f"{size.search} at {flops(size.budget)}" if size.budget else size.search,
        "speed": f"{100 * size.mfu:.0f} %" if size.mfu is not None else "",
        "left": duration(size.seconds_left) if size.seconds_left else "",
        "tuned": [_told(cell) for cell in size.tuned],
    }


def _told(cell: CellStatus) -> str:
    """One tuned cell in a few words."""
    how = "taken over" if cell.transferred else "bracketed" if cell.bracketed else "not bracketed"
    return f"{flops(cell.budget)}: lr {cell.lr:.3g} of {cell.tried} tried, {how}"


def _points(run: RunStatus) -> list[dict[str, Any]]:
    """The training loss along a run, at a bounded number of places, and the held-out loss at its end."""
    rows = [row for row in run.rows if row.get("train_loss") is not None]
    rows = rows[:: max(1, -(-len(rows) // MOST_POINTS))]
    config = run.config
    own = {
        "run": str(config["run"]),
        "params": int(config["params"]),
        "size": _panel(config),
        "rate": f"{float(config['lr']):.3g}",
    }
    curve = [own | {"flops": row["flops"], "loss": row["train_loss"], "kind": "training"} for row in rows]
    last = run.rows[-1] if run.rows else {}
    if run.state == "finished" and last.get("loss") is not None:
        curve.append(own | {"flops": last["flops"], "loss": last["loss"], "kind": "held out"})
    return [point for point in curve if point["loss"] == point["loss"]]


def _panel(config: Record) -> str:
    return f"{count(config['params'])} {config['group']}".strip()
