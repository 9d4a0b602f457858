"""How long a study will take here and how much memory it needs: its plan, priced by a short probe of every size.

Minutes are steps times the measured seconds of a step, plus the held-out evaluations at a third of a step's price
(forward without backward). Memory is an estimate from what a step keeps; searches that grow cost more.
"""

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
PROCESS_BYTES = 4e8
"""A worker with PyTorch and the corpus before it trains anything (measured: 0.35-0.45 GB)."""


@dataclass(frozen=True)
class Forecast:
    """One size of one arm: its cells, and what they cost here on one worker."""

    cells: Cells
    minutes: float
    memory_bytes: float


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
    return Forecast(cells, (read + evaluated) * window_seconds / 60, memory)
