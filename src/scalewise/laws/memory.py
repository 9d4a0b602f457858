"""Fits remembered, for a process that is asked about the same runs again and again, as those behind the page are.

A fit depends on its arguments alone, so what is remembered is what would be found again, bit for bit. Nothing is
remembered unless `remember` has been called.
"""

import hashlib
import pickle
from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class _Memory:
    """The newest last; `most` is how many are kept."""

    def __init__(self) -> None:
        self.most = 0
        self.found: OrderedDict[bytes, Any] = OrderedDict()


_memory = _Memory()


def remember(most: int) -> None:
    """Keep what the last `most` fits found; 0 forgets everything and keeps nothing."""
    _memory.most = most
    while len(_memory.found) > most:
        _memory.found.popitem(last=False)


def remembered(function: Callable[P, T]) -> Callable[P, T]:
    """A function of its arguments alone, whose values may be remembered; nobody may change a value it returned."""

    @wraps(function)
    def recalled(*args: P.args, **kwargs: P.kwargs) -> T:
        if not _memory.most:
            return function(*args, **kwargs)
        try:
            asked = pickle.dumps((function.__qualname__, args, sorted(kwargs.items())), protocol=5)
        except (pickle.PicklingError, TypeError, AttributeError):  # a function among the arguments
            return function(*args, **kwargs)
        key = hashlib.blake2b(asked, digest_size=20).digest()
        if key not in _memory.found:
            value = function(*args, **kwargs)
            _memory.found[key] = value
            remember(_memory.most)
        _memory.found.move_to_end(key)
        found: T = _memory.found[key]
        return found

    return recalled
