"""beats: is one method better than another? Start with `question.py`.

`selection.py` refuses to rank without a model-selection rule, `pairs.py` turns the table into pairs, `contrast.py`
holds the paired difference and its tests, `resampled.py` the interquartile mean and the probability of improvement,
`contest.py` all comparisons and the verdict on them, `outlook.py` what more pairs would bring.
"""

from scalewise.questions.beats.question import beats

__all__ = ["beats"]
