"""Every size at the same compute: which wins? `question.py` is the door.

`measured.py` reads losses off runs at equal compute, `catch_up.py` extrapolates a size that was trained less,
`contest.py` says who wins when every loss is uncertain, `standings.py` puts these together for the compute asked
about, and `findings.py` and `charts.py` are the answer's tables and figure.
"""

from scalewise.questions.equal_compute.question import equal_compute

__all__ = ["equal_compute"]
