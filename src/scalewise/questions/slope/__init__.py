"""slope: does a group of runs (architecture, data, method) change the level of a scaling curve, or its slope?

`question.py` puts the answer together. `samples.py` says which points the groups are compared on, `budgets.py` reads
them off isoFLOP budgets, `curves.py` fits the laws that are averaged, `contrasts.py` compares two groups under them.
`between_losses.py` is the other law, from one loss to another; `progress.py` turns multipliers into a doubling time.
"""

from scalewise.questions.slope.question import slope

__all__ = ["slope"]
