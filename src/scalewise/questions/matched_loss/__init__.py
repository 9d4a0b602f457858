"""At the same pretraining loss, does a bigger model still transfer better? `question.py` is the door.

`overlap.py` keeps the losses at which several sizes were observed, `effect.py` is what size adds there, `plan.py` says
what would settle it, `findings.py` and `charts.py` are its tables and figures.
"""

from scalewise.questions.matched_loss.question import matched_loss

__all__ = ["matched_loss"]
