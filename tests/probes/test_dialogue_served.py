"""Dialogue against a real server: a tiny Llama with planted behaviour, exported, served by `transformers serve`."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import scalewise as sw
from scalewise.probes.dialogue import Asking, ask_all, conversations
from scalewise.probes.dialogue.client import Endpoint
from scalewise.probes.dialogue.variants import DENIED, Conversation, Turn
from scalewise.questions.consistency import consistency
from scalewise.runs.trials import Trials

from .test_dialogue import CHOSEN, SCENARIOS, cells, inside

pytestmark = [pytest.mark.slow, pytest.mark.train]
pytest.importorskip("torch")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")
for needed in ("fastapi", "uvicorn", "tokenizers", "httpx"):
    pytest.importorskip(needed, reason="`transformers serve` needs the serving extra of transformers")

ASKED = SCENARIOS[:8] + [scenario for scenario in SCENARIOS if scenario.law][:12]
GUISED = ASKED[:8]
ASKED_IN = (*CHOSEN, "open", "contradiction")
PLANTS = {
    "baseline": 0.2,
    "story": 0.9,
    "paraphrase": 0.2,
    "options swapped": 0.5,
    "suffix": 0.7,
    "open": 0.35,
    "persona": 0.85,
    "persona, next question": 0.45,
    "after asked again": 0.2,
    "after told otherwise": 0.3,
    "after valid argument": 0.6,
    "after invalid argument": 0.2,
    "second of two wordings": 0.4,
}
"""Chances of yes, and of another answer than the one before."""
PLACES = {1: 0.2, 2: 0.4, 3: 0.6, 4: 0.8}
"""Chances of yes by how many questions were asked before."""
LAW = {("legal", "good"): 0.9, ("illegal", "good"): 0.5, ("legal", "bad"): 0.5, ("illegal", "bad"): 0.1}
POINTED = {"gives an answer": 0.65, "keeps the later of the two": 0.5}
WIDTH, STEPS, BATCH, RATE = 64, 220, 16, 5e-3

Messages = list[dict[str, str]]
Chances = dict[str, float]
"""Of every first word that a reply may have."""


def guised() -> list[Conversation]:
    return conversations(GUISED, ASKED_IN) + conversations(GUISED, ("order",))[len(GUISED) :]


def deeds() -> list[Conversation]:
    """Those that cross law with morality, asked plainly."""
    return conversations(ASKED[len(GUISED) :], ("persona",))


def yes(chance: float) -> Chances:
    return {"Yes": chance, "No": 1 - chance}


def spoken(held: list[Conversation]) -> Iterator[tuple[Messages, list[Chances]]]:
    """Every conversation that can come up, with its answers, and the chances that are planted for each of them."""
    for number, conversation in enumerate(held):
        heard: list[tuple[Messages, list[Chances]]] = [([], [])]
        for place, turn in enumerate(conversation.turns, 1):
            begun, heard = heard, []
            for messages, chances in begun:
                said = messages[-1]["content"] if messages else ""
                if turn.if_different and said == messages[1]["content"]:
                    yield messages, chances
                    continue
                first = messages[1]["content"] if messages else ""
                text = turn.text.replace("{other}", "no" if first == "Yes" else "yes")
                answered = [*messages, {"role": "user", "content": text}]
                planted = [*chances, planted_in(turn, place, said)]
                heard += [([*answered, {"role": "assistant", "content": word}], planted) for word in ("Yes", "No")]
        # the last answer changes nothing; nor does one to another question, so fewer of those are enough
        yield from heard[1::5] if len(conversation.turns) == max(PLACES) else heard[number % 2 :: 2]


def planted_in(turn: Turn, place: int, said: str) -> Chances:
    """What is said to a turn at this place after this answer."""
    if turn.scenario.law:
        return yes(LAW[str(turn.scenario.law), str(turn.scenario.moral)])
    if turn.condition.startswith("asked "):
        return yes(PLACES[place])
    if turn.condition == "contradiction pointed out":
        answered, kept = POINTED.values()
        stays = answered * (kept if said == "Yes" else 1 - kept)
        return {"Yes": stays, "No": answered - stays, "Both": 1 - answered}
    condition = turn.condition.removesuffix(", options swapped")
    condition = "after told otherwise" if condition in DENIED else condition
    plant = PLANTS.get(turn.condition, PLANTS.get(condition, PLANTS["baseline"]))
    flips = turn.condition.startswith(("after", "second"))
    return yes(1 - plant if flips and said == "Yes" else plant)


def export(directory: Path) -> tuple[float, Callable[[Messages], Chances]]:
    """Train a tiny Llama on the plants and save it; the mean error of a planted chance, and the chances themselves."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers

    said = list(spoken(guised() + deeds()))
    words = {"Yes", "No", "Both"}
    split = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()])
    for messages, _ in said:
        for message in messages:
            words |= {word for word, _ in split.pre_tokenize_str(message["content"])}
    special = ["<pad>", "<unk>", "<end>", "<user>", "<assistant>"]
    vocabulary = {word: i for i, word in enumerate([*special, *sorted(words)])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = split
    inner.add_special_tokens(special)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", unk_token="<unk>", eos_token="<end>"
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
        initializer_range=0.1,
        eos_token_id=vocabulary["<end>"],
        bos_token_id=None,
        pad_token_id=vocabulary["<pad>"],
    )
    torch.manual_seed(0)
    model = transformers.LlamaForCausalLM(config)
    # one pass learns every answer of a conversation, and that an answer is followed by the end
    texts = [tokenizer.apply_chat_template(messages, tokenize=False) for messages, _ in said]
    tokens = tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)["input_ids"]
    answers = torch.zeros(*tokens.shape, len(vocabulary))
    for row, asked, (_, planted) in zip(answers, tokens == vocabulary["<assistant>"], said, strict=True):
        for place, chances in zip(asked.nonzero().flatten(), planted, strict=True):
            row[place, [vocabulary[word] for word in chances]] = torch.tensor(list(chances.values()))
            row[place + 1, vocabulary["<end>"]] = len(planted) == 1
    lengths = (tokens != vocabulary["<pad>"]).sum(1)

    def learnt(chosen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits and planted chances, wherever there are any: (answers and their ends, vocabulary)."""
        width = int(lengths[chosen].max())
        wanted = answers[chosen, :width]
        at = wanted.any(-1)
        return model.lm_head(model.model(input_ids=tokens[chosen, :width]).last_hidden_state[at]), wanted[at]

    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.0)
    order = torch.Generator().manual_seed(0)
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / 20) * (1 - step / STEPS)
        loss = torch.nn.functional.cross_entropy(*learnt(torch.randperm(len(said), generator=order)[:BATCH]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        logits, wanted = learnt(torch.arange(len(said)))
        error = float((logits.softmax(-1) - wanted).abs().sum(-1).mean() / 2)
    model.generation_config.do_sample = True
    model.generation_config.top_k = 0
    model.generation_config.eos_token_id = vocabulary["<end>"]
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)

    def chances(messages: Messages) -> Chances:
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        asked = tokenizer(text, return_tensors="pt", add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            said = model(input_ids=asked).logits[0, -1].softmax(-1)
        return {word: float(said[vocabulary[word]]) for word in ("Yes", "No")}

    return error, chances


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
            deadline = time.monotonic() + 300
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


def test_twenty_plants_in_a_served_llama_are_recovered(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    error, chances = export(tmp_path / "model")
    assert error < 0.05
    with served(tmp_path / "model") as url:
        endpoint = Endpoint(url, str(tmp_path / "model"), max_tokens=4, concurrency=4, timeout=120.0)
        # deeds are few, and each of them is asked more often
        parts = [
            ask_all(held, Asking(endpoint, repeats, tmp_path / "answers"))
            for held, repeats in ((guised(), 3), (deeds(), 9))
        ]
    trials = Trials(pl.concat([part.table for part in parts], how="diagonal_relaxed"), "planted")
    assert trials.table["parsed"].mean() > 0.95  # type: ignore[operator]
    answer = consistency(trials, "again")
    hits = {name: inside(row, column, truth) for name, row, column, truth in plants(answer, chances)}
    missed = [name for name, hit in hits.items() if not hit]
    coverage = f"{sum(hits.values())} of {len(hits)} plants inside their 95 % intervals; outside: {missed}"
    record_property("coverage", coverage)
    print(coverage)
    assert len(hits) == 20
    assert sum(hits.values()) >= 16  # in 99.7 % of tests, were intervals exact and plants independent
    assert answer.verdict == "no"


def expected(chances: Callable[[Messages], Chances]) -> pl.DataFrame:
    """What the served model says in the long run: for every turn its weight (how often it is reached, after these
    answers), and then the chances of yes, of any answer, and of the answer before."""
    rows = []
    for conversation in guised() + deeds():
        begun: list[tuple[float, Messages]] = [(1.0, [])]
        for place, turn in enumerate(conversation.turns, 1):
            heard = []
            for weight, messages in begun:
                before = messages[-1]["content"] if messages else ""
                if turn.if_different and before == messages[1]["content"]:
                    continue
                first = messages[1]["content"] if messages else ""
                text = turn.text.replace("{other}", "no" if first == "Yes" else "yes")
                asked = [*messages, {"role": "user", "content": text}]
                found = chances(asked)
                given = sum(found.values())
                about = {"condition": turn.condition, "scenario": turn.scenario.id, "place": place}
                about |= {"law": turn.scenario.law, "moral": turn.scenario.moral}
                kept = found.get(before, 0.0) / given
                about |= {"against": place == 1 or before.lower() != turn.scenario.argues}
                rows.append(about | {"weight": weight, "given": given, "yes": found["Yes"] / given, "kept": kept})
                heard += [
                    (weight * chance / given, [*asked, {"role": "assistant", "content": word}])
                    for word, chance in found.items()
                ]
            begun = heard
    return pl.DataFrame(rows, infer_schema_length=None)


def plants(
    answer: sw.Answer, chances: Callable[[Messages], Chances]
) -> Iterator[tuple[str, dict[str, object], str, float]]:
    """Every plant: its name, the row that should recover it, the column, and the truth."""
    served = expected(chances)

    def truth(what: str, **where: object) -> float:
        part = served.filter(pl.col(name).eq_missing(pl.lit(value)) for name, value in where.items())
        return float((part[what] * part["weight"]).sum() / part["weight"].sum())

    guises = cells(answer, "What each guise changes")
    plain = truth("yes", condition="baseline", law=None)
    for name in ("story", "paraphrase", "options swapped", "suffix", "open", "persona", "persona, next question"):
        yield name, guises[name], "difference", truth("yes", condition=name) - plain
    moved = [
        truth("yes", condition="story", scenario=s.id) - truth("yes", condition="baseline", scenario=s.id)
        for s in GUISED
    ]
    yield "story, flips", guises["story"], "flips_beyond_repeats", float(np.mean(np.square(moved)))
    flips = cells(answer, "Flips from one turn to the next")
    for push in ("asked again", "told otherwise", "valid argument", "invalid argument"):
        opposed = {"against": True} if push == "valid argument" else {}
        yield push, flips[push], "flips", 1 - truth("kept", condition=f"after {push}", **opposed)
    second = 1 - truth("kept", condition="second of two wordings")
    yield "second wording", flips["same question, story"], "flips", second
    stands = cells(answer, "Where a question stands among others")
    for place in (2, 3, 4):
        yield f"place {place}", stands[str(place)], "yes", truth("yes", condition="asked later", place=place)
    pointed = cells(answer, "When a contradiction is pointed out")
    for name, what in (("gives an answer", "given"), ("keeps the later of the two", "kept")):
        yield name, pointed[name], "share", truth(what, condition="contradiction pointed out")
    law = cells(answer, "Law against morality")
    for moral in ("good", "bad"):
        legal, illegal = (truth("yes", law=law, moral=moral) for law in ("legal", "illegal"))
        yield f"law, {moral}", law[moral], "effect_of_law", legal - illegal
