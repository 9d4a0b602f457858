"""How long a study will take here and how much memory it needs: its plan, priced by a short probe of every size.

Minutes are steps times the measured seconds of a step, plus the held-out evaluations at a third of a step's price
(forward without backward) and what lies between two runs. Memory is an estimate from what a step keeps; searches that
grow cost more.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scalewise.lab.data.corpus import Corpus
from scalewise.lab.findings import Findings
from scalewise.lab.memory import member_bytes
from scalewise.lab.plan import Cells, cells_of
from scalewise.lab.probe import step_seconds
from scalewise.lab.stack import Setting
from scalewise.lab.study import Study

USUAL_MEMBERS = 3
"""A bracket: how many runs a stack usually holds."""
PROBED_WINDOWS = 4
BETWEEN_SECONDS = 0.04
"""What a run takes beside its steps: folders, checkpoints, records (`bench/suite.py`: .03 to .04)."""
PROCESS_BYTES = 4e8
"""A worker with PyTorch and the corpus before it trains anything (measured: 0.35-0.45 GB)."""


@dataclass(frozen=True)
class Forecast:
    """One size of one arm: its cells, and what they cost here on one worker. `stacks` is into how many a bracket is
    cut, which is how many workers can train it at once."""

    cells: Cells
    minutes: float
    memory_bytes: float
    stacks: int


def minutes_on(workers: int, forecasts: Sequence[Forecast]) -> float:
    """Of all sizes on so many workers: none is done sooner than its searches, one after the other, allow."""
    alone = max(forecast.minutes / min(workers, forecast.stacks) for forecast in forecasts)
    return max(alone, sum(forecast.minutes for forecast in forecasts) / workers)


def forecasts(study: Study, corpus: Corpus, findings: Findings) -> list[Forecast]:
    """One for every size of every arm, in the study's order."""
    return [_forecast(cells, findings) for cells in cells_of(study, corpus)]


def _forecast(cells: Cells, findings: Findings) -> Forecast:
    recipe = cells.longest
    members = min(USUAL_MEMBERS, findings.members(recipe))
    windows = min(PROBED_WINDOWS, recipe.batch_windows)
    setting = Setting.of(recipe)
    window_seconds = step_seconds(setting, findings.compute, members, windows, repeats=2) / (members * windows)
    read = cells.flops / (recipe.shape.flops_per_token * recipe.shape.context)
    evaluated = len(cells.recipes) * recipe.held_out_windows / 3
    memory = PROCESS_BYTES + members * member_bytes(recipe)
    seconds = (read + evaluated) * window_seconds + len(cells.recipes) * BETWEEN_SECONDS
    return Forecast(cells, seconds / 60, memory, math.ceil(USUAL_MEMBERS / members))
