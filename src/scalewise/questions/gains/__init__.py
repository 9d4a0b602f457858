"""gains: do small improvements add up? Start with `question.py`.

`factors.py` reads which changes a run has, `design.py` estimates their effects, `together.py` answers for a table of
changes with `sums.py` and `tables.py`; `steps.py` reads a sequence of records and `sequence.py` answers for it.
`shrinkage.py` takes off what luck added to gains that were kept because they looked good, `scale.py` turns logarithms
into relative gains, `told.py` holds what both kinds of table share.
"""

from scalewise.questions.gains.question import gains

__all__ = ["gains"]
