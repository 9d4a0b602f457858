"""`scalewise` run in this process, which has imported all that a command needs, for tests of what a command says.

Whatever is not caught by the command is raised here, and so are warnings. Tests of the process itself (exit, signals,
standard input) begin one of its own.
"""

import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from scalewise.cli import main


def scalewise(*words: str, folder: Path | None = None, **environment: str) -> "CompletedProcess[str]":
    """In a folder and with variables of its own; both are as they were afterwards."""
    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["scalewise", *words])
        if folder:
            patch.chdir(folder)
        for name, value in environment.items():
            patch.setenv(name, value)
        with pytest.raises(SystemExit) as left:
            main()
    return CompletedProcess(words, int(left.value.code or 0), out.getvalue(), err.getvalue())
