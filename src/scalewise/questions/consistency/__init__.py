"""Is a chat model one mind? The same question in other guises, against how much plain repeats differ.

`effects.py` contrasts every guise with the plain question, `variance.py` splits the variance and plans repeats,
`behaviour.py` looks at ladders, pressure, persona, law and repetition, `intervals.py` says how sure few scenarios make,
and `question.py` puts them together.
"""

from scalewise.questions.consistency.question import consistency

__all__ = ["consistency"]
