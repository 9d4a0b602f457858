"""How many exposures until recognition is as good as people's, under which rule?

`curves.py` averages Trials into curves with resampled clusters, `findings.py` makes tables and figures of them,
`question.py` puts them together.
"""

from scalewise.questions.recognition.question import recognition

__all__ = ["recognition"]
