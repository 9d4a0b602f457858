"""Does scale lift all tasks together? `question.py` is the door.

`scores.py` makes a matrix of scores of the table, `components.py` takes it apart, `factor.py` is what comes of it with
its standard errors, `findings.py` and `charts.py` are its tables and figures.
"""

from scalewise.questions.general_factor.question import general_factor

__all__ = ["general_factor"]
