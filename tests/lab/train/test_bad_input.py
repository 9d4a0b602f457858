"""What is wrong with a study is said in one sentence, before anything is trained."""

import re
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install 'scalewise[train]'")

from tests.in_process import scalewise  # noqa: E402

from scalewise.errors import StudyError  # noqa: E402
from scalewise.lab.checkpoint import trunk_checkpoint  # noqa: E402
from scalewise.lab.compute import Compute  # noqa: E402
from scalewise.lab.data.corpus import Corpus  # noqa: E402
from scalewise.lab.engine import Engine  # noqa: E402
from scalewise.lab.plan import cells_of  # noqa: E402
from scalewise.lab.study import Study  # noqa: E402
from scalewise.runs.store import Store  # noqa: E402

pytestmark = pytest.mark.train
STUDY = """
name = "tiny"
flops = [1e13]
sizes = [{ width = 12, depth = 1 }]
[data]
corpus = "text"
"""
HUGE = "[batch]\nexponent = 0\ntokens = 1e6\n"


def train(folder: Path, *options: str) -> str:
    """What `scalewise train` says of a study it does not begin."""
    words = ("train", "study.toml", "--into", "out", *options)
    done = scalewise(*words, folder=folder, XDG_CACHE_HOME=str(folder))
    assert done.returncode == 2
    assert not (folder / "out" / "runs").exists()
    (sentence,) = done.stderr.splitlines()
    return sentence


@pytest.mark.parametrize(
    ("change", "options", "sentence"),
    [
        (("[data]", "[data]\ncontxt = 64"), (), r".*data\.contxt: unknown key \(did you mean 'context'\?\)\."),
        (("[data]", "[data]\nfoo = 64"), (), r".*data\.foo: unknown key; the keys here are corpus, .*context.*\."),
        (("width = 12", "width = 33"), (), r".*width 33 must be a multiple of twice its 1 heads\."),
        (("[1e13]", "[1e6]"), (), r"scalewise: flops: 1e\+06 is \d steps? of .* at least 10 are needed.*"),
        (
            ("[data]", HUGE + "[data]"),
            (),
            r"scalewise: batch: a step of width 12, .* reads .* give a smaller batch.*",
        ),
        (('"text"', '"short"'), (), r"scalewise: data: corpus 'short' has .* at least 100,000 and 2,000 are needed\."),
        (('"text"', '"absent"'), (), r"scalewise: data: corpus 'absent' is neither 'stdlib', .* file or folder\."),
        (('"text"', '"tokens:absent"'), (), r"scalewise: .*absent is not there or empty; give FILE\.bin, or .*"),
        (("", ""), ("--device", "cuda"), r"scalewise: --device cuda: PyTorch finds no GPU here.*"),
        (
            ("", ""),
            ("--into", "s3://bucket/study"),
            r"scalewise: --into s3://bucket/study: is an address; name a folder,.*",
        ),
        (("", ""), ("--into", "text"), r"scalewise: --into text: is a file; name a folder\."),
        (("", ""), ("--into", "text/out"), r"scalewise: text/out/study\.toml: cannot be written, .*"),
        (("", ""), ("--into", "/proc/scalewise"), r"scalewise: /proc/scalewise.*"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    tmp_path: Path, change: tuple[str, str], options: tuple[str, ...], sentence: str
) -> None:
    if "cuda" in options and torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    (tmp_path / "study.toml").write_text(STUDY.replace(*change, 1) if change[0] else STUDY)
    (tmp_path / "text").write_bytes(bytes(range(256)) * 800)
    (tmp_path / "short").write_bytes(bytes(50_000))
    said = train(tmp_path, *options)
    assert re.fullmatch(sentence, said), said


def test_a_checkpoint_of_another_model_is_not_gone_on_with(tmp_path: Path) -> None:
    text = np.frombuffer(bytes(range(256)) * 2000, np.uint8)
    corpus = Corpus("any", text, text[:20_000], 1, "0", "")
    small, large = (Study(name="any", flops=(1e9, 2e9), sizes=({"width": w, "depth": 1},)) for w in (12, 16))
    one, other = (cells_of(study, corpus)[0].recipes[0] for study in (small, large))
    store = Store(tmp_path)
    assert Engine([one], corpus, store, Compute()).train()
    of_one, of_other = (trunk_checkpoint(store, recipe) for recipe in (one, other))
    of_other.save(other.branch_step, of_one.load())
    with pytest.raises(StudyError, match="is that of another model; remove it"):
        Engine([other], corpus, store, Compute()).train()
    of_other.folder.put(f"{of_other.name}@{other.branch_step}", b"half")
    with pytest.raises(StudyError, match="not a whole checkpoint"):
        Engine([other], corpus, store, Compute()).train()
