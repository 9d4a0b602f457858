"""Recognition memory after Brady et al. 2008: study items, then tell each from a foil. Losses in, Trials out.

`losses.py` reads item losses and judges them by two rules; `material.py` is what is studied, `study.py` the studying,
`suite.py` all sizes of it.
"""

from scalewise.probes.recognition.losses import HUMAN, human_runs, judged, read_losses

__all__ = ["HUMAN", "human_runs", "judged", "read_losses"]
