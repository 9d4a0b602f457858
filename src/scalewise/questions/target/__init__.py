"""How much of a scale until an outcome reaches a level. `question.py` asks; start there.

`asked.py` holds what was asked, `aim.py` the level and from which side it is reached, `curve.py` which points speak of
it. `reach.py` finds where one scale reaches it under every law and on average, `several.py` where several scales do;
`by_group.py` and `together.py` make an answer of that, `next_run.py` says what would settle it, and `findings.py` and
`charts.py` show it.
"""

from scalewise.questions.target.question import target

__all__ = ["target"]
