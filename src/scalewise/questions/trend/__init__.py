"""Does an outcome change with a scale, by which law, for whom, and does it vanish? `question.py` is the door.

`level.py` fits the laws of one level of the second factor, `contrast.py` compares levels, `vanishing.py` continues a
curve to its limit, `screen.py` looks for columns on which the trend depends, `findings.py`, `charts.py` and
`sentence.py` say it.
"""

from scalewise.questions.trend.question import trend

__all__ = ["trend"]
