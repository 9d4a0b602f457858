"""Every size at the same compute: which wins? `question.py` is the door.

`measured.py` reads losses off runs at equal compute and `contest.py` says who wins when every loss is uncertain.
`outlook.py` continues a size that was trained less: along its own curve (`curves.py`) and by the law of all sizes
(`joint.py`), averaged. `standings.py` puts these together for the compute asked about, `verdict.py` and `proposals.py`
say who wins and what run would settle it. `matching.py` asks when a small model matches a big one, `saturation.py`
what a doubling gains, `slopes.py` whether losses fall equally fast. `findings.py` and `charts.py` show it all.
"""

from scalewise.questions.equal_compute.question import equal_compute

__all__ = ["equal_compute"]
