"""A study of a tokenizer's tokens, published from the command line with that tokenizer and a chat template."""

import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install 'scalewise[train]'")
tokenizers = pytest.importorskip("tokenizers", reason="needs the text extra: pip install 'scalewise[text]'")
pytest.importorskip("safetensors", reason="needs the export extra: pip install 'scalewise[export]'")

from scalewise.errors import StudyError  # noqa: E402
from scalewise.lab.suite import train_study  # noqa: E402
from scalewise.lab.weights import load_weights, run_folder  # noqa: E402
from scalewise.publish import Chat, publish  # noqa: E402

pytestmark = pytest.mark.train
STUDY = """
name = "words"
flops = [1e8]
sizes = [{ width = 16, depth = 1 }]
[data]
corpus = "text.txt"
tokenizer = "own.json"
context = 32
held_out_windows = 16
[tuning]
seeds = [0]
"""
TEMPLATE = "{% for m in messages %}{{ m.role }}: {{ m.content }}<end>{% endfor %}"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The study's folder, whose tokenizer file and chat template are gone by now, and the model."""
    folder = tmp_path_factory.mktemp("words")
    text = "".join(f"{i} green bottles hang on the {i * i} walls of room {i % 97}\n" for i in range(20_000))
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        [text[:100_000]],
        tokenizers.trainers.BpeTrainer(
            vocab_size=400, initial_alphabet=alphabet, special_tokens=["<end>"], show_progress=False
        ),
    )
    made.save(str(folder / "own.json"))
    (folder / "text.txt").write_text(text)
    (folder / "study.toml").write_text(STUDY)
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        train_study(folder / "study.toml", folder / "store", workers=1)
    (folder / "own.json").unlink()
    (folder / "chat_template.jinja").unlink()
    words = ["publish", str(folder / "store"), "--to", str(folder / "model")]
    words += ["--end-of-answer", "<end>"]
    done = subprocess.run([sys.executable, "-m", "scalewise", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "store", folder / "model"


def test_transformers_reads_tokenizer_template_and_model(published: tuple[Path, Path]) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    store, folder = published
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder)
    text = "7 green bottles hang on the 49 walls"
    tokens = tokenizer(text, return_tensors="pt").input_ids
    assert tokens.shape[1] < 20 < len(text)
    assert tokenizer.decode(tokens[0]) == text
    with torch.no_grad():
        expected = theirs(tokens).logits
    torch.testing.assert_close(load_weights(run_folder(store)).logits(tokens), expected, atol=2e-4, rtol=1e-4)
    said = tokenizer.apply_chat_template([{"role": "user", "content": "hi"}], tokenize=False)
    assert said == "user: hi<end>"
    assert tokenizer.eos_token == "<end>"
    assert theirs.generation_config.eos_token_id == tokenizer.convert_tokens_to_ids("<end>")


def test_the_card_speaks_of_tokens(published: tuple[Path, Path]) -> None:
    card = (published[1] / "README.md").read_text()
    record = json.loads((published[0] / "corpus.json").read_text())
    loss = float(card.split("held-out loss | ")[1].split(" nats per token")[0])
    bits = float(card.split("nats per token (")[1].split(" bits")[0])
    assert bits == pytest.approx(loss / 0.693147 / record["bytes_per_token"], abs=1e-3)
    assert "byte-level" not in card
    assert "chat_template.jinja" in card


def test_the_demo_runs(
    published: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed, so the demo cannot run")
    monkeypatch.setattr(sys, "argv", ["demo.py", "7 green"])
    runpy.run_path(str(published[1] / "demo.py"), run_name="__main__")
    assert capsys.readouterr().out.startswith("7 green")


def test_tokens_of_no_text_are_refused(published: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copytree(published[0], tmp_path / "store")
    kept = tmp_path / "store" / "corpus" / "kept.json"
    kept.write_text(json.dumps(json.loads(kept.read_text()) | {"tokenizer": ""}))
    with pytest.raises(StudyError, match="neither the bytes of a text nor those of a tokenizer file"):
        publish(tmp_path / "store", tmp_path / "model")


def test_a_template_that_is_named_goes_before_the_one_beside_the_tokenizer(
    published: tuple[Path, Path], tmp_path: Path
) -> None:
    publish(published[0], tmp_path / "model", chat=Chat("another"))
    assert (tmp_path / "model" / "chat_template.jinja").read_text() == "another"
    assert (published[1] / "chat_template.jinja").read_text() == TEMPLATE
