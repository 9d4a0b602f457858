"""emergence: is a jump in an outcome more than what a log axis makes of a straight line?"""

from scalewise.questions.emergence.question import emergence

__all__ = ["emergence"]
