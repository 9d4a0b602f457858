"""Which size for this much compute? `question.py` is the door.

`allocation.py` divides a budget between size and data under a fitted law, `choice.py` picks the optimum and the
smallest size within tolerance, `box.py` both ends of it, `lifetime.py` the cheapest to train and serve. `isoflop.py`
reads optima off budgets, `methods.py` sets all methods side by side, `bias.py`, `bend.py`, `exponents.py` and
`depends.py` ask what is made of them. `losses.py` predicts, `backtest.py` and `robustness.py` ask how far to trust it,
`next_run.py` what would narrow it. `findings.py`, `sentences.py` and `charts.py` are the words and figures.
"""

from scalewise.questions.model_size.question import model_size

__all__ = ["model_size"]
