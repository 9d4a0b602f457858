"""How a peer in its own process is spoken to: one line of JSON asks, one line of JSON answers."""

import json
import sys
from collections.abc import Callable
from typing import Any

Message = dict[str, Any]


def answer(prepare: Callable[[Message], tuple[Message, Callable[[Message], Message]]]) -> None:
    """Answer the first line with `prepare`, which also returns what answers each later line, until input ends."""
    replies, sys.stdout = sys.stdout, sys.stderr  # what the peer's own code prints is no answer
    first, work = prepare(json.loads(sys.stdin.readline()))
    print(json.dumps(first), file=replies, flush=True)
    for line in sys.stdin:
        print(json.dumps(work(json.loads(line))), file=replies, flush=True)
