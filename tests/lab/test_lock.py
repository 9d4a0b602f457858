"""Who trains into a folder is known while it trains, and no longer."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scalewise.errors import StudyError
from scalewise.lab.locks import only_trainer, trainer


def test_the_trainer_is_known_while_it_trains(tmp_path: Path) -> None:
    assert trainer(tmp_path) is None
    with only_trainer(tmp_path):
        assert trainer(tmp_path) == os.getpid()
    assert trainer(tmp_path) is None


def test_a_second_trainer_is_refused(tmp_path: Path) -> None:
    code = "import pathlib, scalewise.lab.locks as locks\n"
    code += f"with locks.only_trainer(pathlib.Path({str(tmp_path)!r})): input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, text=True) as other:
        while trainer(tmp_path) is None:
            pass
        assert trainer(tmp_path) == other.pid
        with pytest.raises(StudyError, match="another process"), only_trainer(tmp_path):
            pass
        assert trainer(tmp_path) == other.pid  # a refused one does not leave its own number
        other.communicate("\n")
    assert trainer(tmp_path) is None
