"""A model of the lab in the Hugging Face format: transformers reads it and gives the same logits."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs the train extra: pip install 'scalewise[train]'")
pytest.importorskip("safetensors", reason="needs the export extra: pip install 'scalewise[export]'")

from scalewise.errors import StudyError  # noqa: E402
from scalewise.lab.models import model_of  # noqa: E402
from scalewise.lab.models.layout import Layout  # noqa: E402
from scalewise.lab.shapes import Gpt2Shape, LstmShape, Shape, UniversalShape  # noqa: E402
from scalewise.lab.weights import TrainedModel  # noqa: E402
from scalewise.publish import Chat, write_checkpoint  # noqa: E402
from scalewise.publish.tokenizer import ByteTokenizer, byte_characters  # noqa: E402
from scalewise.runs.flops import TransformerShape  # noqa: E402

pytestmark = pytest.mark.train
NO_TRANSFORMERS = "transformers is not installed, so nothing foreign reads what is written"
SHAPES = [TransformerShape(32, 3, 2, 88, 256, 40), Gpt2Shape(32, 2, 4, 96, 256, 40)]


def random_model(shape: Shape, seed: int = 0) -> TrainedModel:
    """No weight is at its usual beginning, so that a swapped or forgotten one shows."""
    params = Layout(model_of(shape).weights("fan-in")).params
    return TrainedModel(shape, 0.3 * torch.randn(params, generator=torch.Generator().manual_seed(seed)) + 0.05)


@pytest.mark.parametrize("shape", SHAPES, ids=["llama", "gpt2"])
def test_transformers_gives_the_same_logits(shape: Shape, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    model = random_model(shape)
    write_checkpoint(model, tmp_path)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    assert sum(p.numel() for p in theirs.parameters() if p.ndim > 1) == sum(
        w.numel() for w in model.weights().values() if w.ndim > 2
    )
    tokens = torch.randint(0, 256, (3, shape.context), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = theirs(tokens).logits
    assert expected.std() > 0.4
    torch.testing.assert_close(model.logits(tokens), expected, atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("shape", [LstmShape(8, 1, 256, 16), UniversalShape(8, 2, 1, 16, 256, 16)])
def test_what_no_standard_format_holds_is_refused(shape: Shape, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="cannot be published: no standard format holds it"):
        write_checkpoint(random_model(shape), tmp_path / "model")
    assert not (tmp_path / "model").exists()


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_a_token_is_a_byte(text: str) -> None:
    tokenizers = pytest.importorskip("tokenizers", reason="tokenizers is not installed")
    tokenizer = tokenizers.Tokenizer.from_str(json.dumps(ByteTokenizer().json()))
    tokens = tokenizer.encode(text).ids
    assert tokens == list(text.encode())
    assert tokenizer.decode(tokens) == text


def test_transformers_loads_the_tokenizer_and_a_chat_template(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason=NO_TRANSFORMERS)
    template = "{% for m in messages %}{{ m.role[0] }}: {{ m.content }}\n{% endfor %}"
    write_checkpoint(random_model(SHAPES[0]), tmp_path, Chat(template, "\n"))
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert tokenizer("a é\n").input_ids == list("a é\n".encode())
    assert tokenizer.eos_token_id == 10
    said = tokenizer.apply_chat_template([{"role": "user", "content": "hi"}], tokenize=False)
    assert said == "u: hi\n"


def test_bad_templates_and_ends_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no Jinja template: line 1"):
        Chat("{% for m in %}")
    with pytest.raises(StudyError, match="'<end>', is 5 tokens"):
        write_checkpoint(random_model(SHAPES[0]), tmp_path / "model", Chat("{{ messages }}", "<end>"))
    assert not (tmp_path / "model").exists()


def test_every_byte_has_its_own_character() -> None:
    assert len(set(byte_characters())) == 256
    assert all(character.isprintable() for character in byte_characters())
