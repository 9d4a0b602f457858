"""Write what the commands print now into the pages that show it: `make docs`, after which the difference is read.

A shown part between two lines `...` is replaced by the stretch of the output that is most like it, digits aside.
"""

import difflib
import os
import re
import shlex
import subprocess
import sys
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
BLOCK = re.compile(r"```console\n(.*?)```", re.S)
NUMBER = re.compile(r"[\d.,%kMBTx\[\]e~+-]+")


def alike(shown: str, printed: str) -> float:
    """How much two lines resemble each other when numbers do not count."""
    return difflib.SequenceMatcher(None, NUMBER.sub("#", shown).split(), NUMBER.sub("#", printed).split()).ratio()


def refreshed(command: str, shown: str) -> str:
    run_in = DATA.parent if " data/" in command else ROOT
    environment = {**os.environ, "COLUMNS": "110", "NO_COLOR": "1"}
    words = [sys.executable, "-m", *shlex.split(command)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=run_in, env=environment, check=False)
    printed = [line.rstrip() for line in (done.stdout + done.stderr).rstrip().split("\n")]
    lines, place = [], 0
    for left_out, part in groupby(shown.strip("\n").split("\n"), lambda line: line.strip() == "..."):
        wanted = list(part)
        if left_out:
            lines += wanted
            continue
        starts = range(place, max(place, len(printed) - len(wanted)) + 1)
        best = max(starts, key=lambda i: sum(map(alike, wanted, printed[i : i + len(wanted)])))
        lines += printed[best : best + len(wanted)]
        place = best + len(wanted)
    return "\n".join(lines) + "\n" * (len(shown) - len(shown.rstrip("\n")))


def block(match: re.Match[str]) -> str:
    before, *parts = re.split(r"^\$ ", match.group(1), flags=re.M)
    for part in parts:
        command, _, shown = part.partition("\n")
        ours = command.startswith("scalewise ") and shown.strip()
        before += f"$ {command}\n{refreshed(command, shown) if ours else shown}"
    return f"```console\n{before}```"


def main() -> None:
    """Refresh the pages named, or all of them."""
    pages = [Path(p) for p in sys.argv[1:]] or [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for page in pages:
        text = page.read_text()
        new = BLOCK.sub(block, text)
        if new != text:
            page.write_text(new)
            print(f"changed {page}")


if __name__ == "__main__":
    main()
