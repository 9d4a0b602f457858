"""The process behind a Worker: loads what is heavy, then does jobs until its standard input ends."""

import json
import os
import signal
import sys
from typing import Any

from scalewise.errors import ScalewiseError
from scalewise.web.jobs import JOBS, warm_up
from scalewise.web.workers import LENGTH_BYTES

MEMORY_BYTES = 6 * 2**30
"""A table that unpacks to more than fits ends its own process, not the machine."""


def main() -> None:
    _limit_memory()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a stray print is no reply
    warm_up()
    for line in sys.stdin.buffer:
        reply = json.dumps(_reply(json.loads(line))).encode()
        replies.write(len(reply).to_bytes(LENGTH_BYTES, "big") + reply)
        replies.flush()


def _reply(job: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"result": JOBS[job.pop("do")](**job)}
    except ScalewiseError as error:
        return {"refused": str(error)}
    except MemoryError:
        return {"refused": "this needs more memory than a worker of the page may have."}
    except Exception as error:  # a fault of ours is told like any other, and the page goes on
        import traceback

        traceback.print_exc()
        return {"refused": f"this failed inside scalewise ({type(error).__name__}: {error})."}


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # not a Unix
        return
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))


if __name__ == "__main__":
    main()
