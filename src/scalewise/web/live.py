"""A suite as its store tells of it: curves, tuning, cost and what is left. Only what has changed is read again."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scalewise.lab.locks import trainer
from scalewise.lab.progress import PROGRESS_FILE
from scalewise.lab.schedule import branch_step
from scalewise.questions.wording import count, flops
from scalewise.runs.store import Record, RunFolder, Store

MOST_POINTS = 60
"""A curve of more points is thinned out for the drawing."""


@dataclass(frozen=True)
class _Seen:
    """One run as it was when its files had this stamp."""

    stamp: tuple[int, ...]
    config: Record
    state: str
    rows: list[Record]


@dataclass
class Watched:
    """One store being watched."""

    path: Path
    _runs: dict[str, _Seen] = field(default_factory=dict)

    def snapshot(self) -> Record:
        """Everything the page shows of a suite, as JSON."""
        store = Store(self.path)
        for folder in store.runs():
            self._look_at(folder)
        runs = list(self._runs.values())
        states = Counter(seen.state for seen in runs)
        process = trainer(self.path)
        progress = self._progress()
        tuning = store.tuning()
        return {
            "training": process is not None,
            "ended": states["finished"] + states["diverged"],
            "running": states["running"] if process is not None else 0,
            "diverged": states["diverged"],
            "failed": states["failed"],
            "cost": flops(_cost(runs)),
            "worker_seconds": sum(seen.rows[-1].get("seconds", 0.0) for seen in runs if seen.rows),
            "share": progress.get("share"),
            "seconds_left": progress.get("seconds_left") if process is not None else None,
            "sizes": _sizes(runs, tuning),
            "curves": [point for seen in runs for point in _points(seen)],
        }

    def _look_at(self, folder: RunFolder) -> None:
        name = folder.path.name
        paths = (folder.metrics_path, folder.path / "status.json")
        stamp = tuple(p.stat().st_mtime_ns if p.exists() else 0 for p in paths)
        if name not in self._runs or self._runs[name].stamp != stamp:
            self._runs[name] = _Seen(stamp, folder.config(), folder.state(), folder.metrics())

    def _progress(self) -> Record:
        try:
            progress: Record = json.loads((self.path / PROGRESS_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError):  # begun by another version, or not begun
            return {}
        return progress


def _cost(runs: list[_Seen]) -> float:
    """Operations done; what several budgets share of a trunk is counted once."""
    trunks: dict[str, list[_Seen]] = {}
    for seen in runs:
        if seen.rows:
            unlike = ("run", "flops_budget", "schedule_tokens")
            trunk = json.dumps({k: v for k, v in seen.config.items() if k not in unlike}, sort_keys=True)
            trunks.setdefault(trunk, []).append(seen)
    total = 0.0
    for members in trunks.values():
        shared = 0
        for seen in sorted(members, key=lambda seen: float(seen.config["schedule_tokens"])):
            last, config = seen.rows[-1], seen.config
            per_step = float(last["flops"]) / max(1, last["step"])
            steps = round(config["schedule_tokens"] / config["batch_tokens"])
            branch = branch_step(config["schedule"], steps)
            total += max(0.0, float(last["flops"]) - per_step * min(shared, branch))
            shared = max(shared, min(branch, last["step"]))
    return total


def _sizes(runs: list[_Seen], tuning: list[Record]) -> list[Record]:
    """How far each size of each group is, with the rates tried at every budget that is tuned."""
    names = sorted({(str(seen.config["group"]), int(seen.config["params"])) for seen in runs})
    sizes = []
    for group, params in names:
        own = [seen for seen in runs if (str(seen.config["group"]), int(seen.config["params"])) == (group, params)]
        cells = [cell for cell in tuning if (cell["group"], cell["params"]) == (group, params)]
        sizes.append(
            {
                "group": group,
                "size": count(params),
                "ended": sum(seen.state in ("finished", "diverged") for seen in own),
                "running": sum(seen.state == "running" for seen in own),
                "tuned": [_told(cell) for cell in sorted(cells, key=lambda cell: float(cell["flops_budget"]))],
            }
        )
    return sizes


def _told(cell: Record) -> str:
    """One tuned cell in a few words."""
    how = "taken over" if cell.get("transferred") else "bracketed" if cell["bracketed"] else "not bracketed"
    return f"{flops(cell['flops_budget'])}: lr {cell['lr']:.3g} of {len(cell['losses'])} tried, {how}"


def _points(seen: _Seen) -> list[dict[str, Any]]:
    """The training loss along a run, at a bounded number of places, and the held-out loss at its end."""
    rows = [row for row in seen.rows if row.get("train_loss") is not None]
    rows = rows[:: max(1, -(-len(rows) // MOST_POINTS))]
    config = seen.config
    own = {
        "run": str(config["run"]),
        "params": int(config["params"]),
        "size": _panel(config),
        "rate": f"{float(config['lr']):.3g}",
    }
    curve = [own | {"flops": row["flops"], "loss": row["train_loss"], "kind": "training"} for row in rows]
    last = seen.rows[-1] if seen.rows else {}
    if seen.state == "finished" and last.get("loss") is not None:
        curve.append(own | {"flops": last["flops"], "loss": last["loss"], "kind": "held out"})
    return [point for point in curve if point["loss"] == point["loss"]]


def _panel(config: Record) -> str:
    return f"{count(config['params'])} {config['group']}".strip()
