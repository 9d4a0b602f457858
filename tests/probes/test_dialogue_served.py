"""Dialogue against a real server: a tiny Llama with planted behaviour, exported, served by `transformers serve`."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scalewise.probes.dialogue import Asking, ask_all, conversations
from scalewise.probes.dialogue.client import Endpoint
from scalewise.probes.dialogue.variants import Conversation
from scalewise.questions.consistency import consistency

from .test_dialogue import CHOSEN, SCENARIOS, cells, inside

pytestmark = [pytest.mark.slow, pytest.mark.train]
pytest.importorskip("torch")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")
for needed in ("fastapi", "uvicorn", "tokenizers", "httpx"):
    pytest.importorskip(needed, reason="`transformers serve` needs the serving extra of transformers")

ASKED = SCENARIOS[:8]
PLANTS = {
    "baseline": 0.2,
    "story": 0.9,
    "paraphrase": 0.2,
    "options swapped": 0.5,
    "suffix": 0.7,
    "persona": 0.85,
    "persona, next question": 0.45,
    "after asked again": 0.15,
    "after told otherwise": 0.6,
    "after valid argument": 0.8,
    "after invalid argument": 0.3,
}
"""Chances of yes, and of flipping after a push."""
WIDTH, STEPS = 64, 220


def examples(held: list[Conversation]) -> list[tuple[list[dict[str, str]], float]]:
    """Every conversation that can come up, and the chance of yes that is planted in it."""
    found = []
    for conversation in held:
        first, *later = conversation.turns
        condition = first.condition.removesuffix(", options swapped")
        opening = PLANTS.get(first.condition, PLANTS.get(condition, PLANTS["baseline"]))
        start = [{"role": "user", "content": first.text}]
        found.append((start, opening))
        for turn in later:
            for said, other in (("Yes", "no"), ("No", "yes")):
                text = turn.text.replace("{other}", other)
                messages = [*start, {"role": "assistant", "content": said}, {"role": "user", "content": text}]
                plant = PLANTS[turn.condition]
                flips = turn.condition.startswith("after")
                found.append((messages, (1 - plant if said == "Yes" else plant) if flips else plant))
    return found


def export(directory: Path) -> float:
    """Train a tiny Llama on the plants and save it; the largest error of a planted chance."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers

    spoken = examples(conversations(ASKED, CHOSEN))
    words: set[str] = set()
    split = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()])
    for messages, _ in spoken:
        for message in messages:
            words |= {word for word, _ in split.pre_tokenize_str(message["content"])}
    special = ["<pad>", "<unk>", "<end>", "<user>", "<assistant>"]
    vocabulary = {word: i for i, word in enumerate([*special, *sorted(words | {"Yes", "No"})])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = split
    inner.add_special_tokens(special)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", unk_token="<unk>", eos_token="<end>", padding_side="left"
    )
    tokenizer.chat_template = (
        "{% for m in messages %}<{{ m.role }}> {{ m.content }} {% endfor %}"
        "{% if add_generation_prompt %}<assistant>{% endif %}"
    )
    config = transformers.LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=512,
        eos_token_id=vocabulary["<end>"],
        bos_token_id=None,
        pad_token_id=vocabulary["<pad>"],
    )
    torch.manual_seed(0)
    model = transformers.LlamaForCausalLM(config)
    prompts = [tokenizer.apply_chat_template(m, tokenize=False, add_generation_prompt=True) for m, _ in spoken]
    batch = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
    answers = torch.zeros(len(prompts), len(vocabulary))
    answers[:, vocabulary["Yes"]] = torch.tensor([p for _, p in spoken])
    answers[:, vocabulary["No"]] = 1 - answers[:, vocabulary["Yes"]]
    # what comes after the answer is the end, whichever it was
    ended = tokenizer([p + word for p in prompts[:16] for word in (" Yes", " No")], return_tensors="pt", padding=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.0)
    order = torch.Generator().manual_seed(0)
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = 3e-3 * min(1.0, (step + 1) / 20) * (1 - step / STEPS)
        chosen = torch.randperm(len(prompts), generator=order)[:48]
        inputs = {name: batch[name][chosen] for name in ("input_ids", "attention_mask")}
        loss = torch.nn.functional.cross_entropy(model(**inputs).logits[:, -1], answers[chosen])
        if step % 4 == 0:
            last = model(input_ids=ended["input_ids"], attention_mask=ended["attention_mask"]).logits[:, -1]
            stop = torch.full((len(last),), vocabulary["<end>"])
            loss = loss + torch.nn.functional.cross_entropy(last, stop)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, -1]
        learnt = logits.softmax(-1)[:, vocabulary["Yes"]]
    model.generation_config.do_sample = True
    model.generation_config.top_k = 0
    model.generation_config.eos_token_id = vocabulary["<end>"]
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return float((learnt - answers[:, vocabulary["Yes"]]).abs().mean())


@contextmanager
def served(directory: Path) -> Iterator[str]:
    """`transformers serve` on this machine, offline, until the test is done with it."""
    import httpx

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = Path(sys.executable).with_name("transformers")
    words = [str(command), "serve", str(directory), "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            deadline = time.monotonic() + 80
            while time.monotonic() < deadline:
                assert server.poll() is None, "transformers serve ended before it answered"
                try:
                    httpx.get(f"http://127.0.0.1:{port}/health", timeout=1)
                    break
                except httpx.TransportError:
                    time.sleep(0.3)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()


def test_plants_in_a_served_llama_are_recovered(tmp_path: Path) -> None:
    assert export(tmp_path / "model") < 0.03
    endpoint = {"max_tokens": 4, "concurrency": 4, "timeout": 120.0}
    with served(tmp_path / "model") as url:
        asking = Asking(Endpoint(url, str(tmp_path / "model"), **endpoint), 3, tmp_path / "answers")  # type: ignore[arg-type]
        trials = ask_all(conversations(ASKED, CHOSEN), asking)
    assert trials.table["parsed"].mean() > 0.95  # type: ignore[operator]
    answer = consistency(trials, "again", resamples=50)
    guises = cells(answer, "What each guise changes")
    flips = cells(answer, "Flips from one turn to the next")
    plain = PLANTS["baseline"]
    hits = [inside(row, "difference", PLANTS[name] - plain) for name, row in guises.items()]
    pushes = ("asked again", "told otherwise", "valid argument", "invalid argument")
    hits += [inside(flips[push], "flips", PLANTS[f"after {push}"]) for push in pushes]
    print(f"{sum(hits)} of {len(hits)} plants inside their 95 % intervals")
    assert len(hits) == 10
    assert sum(hits) >= 9
    assert answer.verdict == "no"
