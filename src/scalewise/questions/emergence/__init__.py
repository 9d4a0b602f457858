"""Is a jump in an outcome more than what a log axis makes of a straight line? `question.py` is the door.

`asked.py` holds the options and checks the outcomes, `case.py` fits the laws to one outcome and averages them,
`definitions.py` says what each meaning of emergent asks of a curve, `contest.py` puts laws to simulated data,
`beside.py` and `axes.py` look at another metric or scale, `findings.py`, `charts.py` and `sentence.py` say it.
"""

from scalewise.questions.emergence.question import emergence

__all__ = ["emergence"]
