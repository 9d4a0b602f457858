"""Which size for this much compute? `question.py` is the door.

`allocation.py` divides a budget between size and data under a fitted law, `choice.py` picks the optimum and the
smallest size within tolerance, `isoflop.py` reads optima off budgets, `robustness.py` asks how much the answer depends
on the analyst, `findings.py` and `charts.py` are its tables and figures.
"""

from scalewise.questions.model_size.question import model_size

__all__ = ["model_size"]
