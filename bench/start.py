"""How long `scalewise --help` takes, as a multiple of `python -c "import numpy"`.

    python bench/start.py

Both are run alternately in fresh processes; the fastest of each is compared, since noise only ever adds.
"""

import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 15


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    scalewise = str(Path(sys.executable).with_name("scalewise"))
    commands = {
        "scalewise --help": [scalewise, "--help"],
        "import numpy": [sys.executable, "-c", "import numpy"],
        "import scalewise": [sys.executable, "-c", "import scalewise"],
    }
    best = dict.fromkeys(commands, float("inf"))
    for _ in range(ROUNDS):
        for name, command in commands.items():
            best[name] = min(best[name], seconds(command))
    for name, value in best.items():
        print(f"  {name:18s} {1000 * value:5.0f} ms   {value / best['import numpy']:.2f} x import numpy")
    print("  goal for --help: at most 2.5 x")


if __name__ == "__main__":
    main()
