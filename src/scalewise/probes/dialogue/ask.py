"""Holds the conversations, several at once, and makes Trials of the answers."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalewise.probes.dialogue.cache import Cache, Reply
from scalewise.probes.dialogue.client import BYTES_PER_TOKEN, Client, Endpoint, open_http
from scalewise.probes.dialogue.hold import hold
from scalewise.probes.dialogue.progress import CallProgress
from scalewise.probes.dialogue.variants import Conversation
from scalewise.runs.trials import Trials, trials_from

if TYPE_CHECKING:
    import polars as pl

VALUES = {"yes": 1.0, "no": 0.0, "right": 1.0, "wrong": 0.0}


@dataclass(frozen=True)
class Asking:
    """Whom to ask, how often each conversation is held, and the folder that answers are kept in."""

    endpoint: Endpoint
    repeats: int
    directory: Path


def ask_all(held: Sequence[Conversation], asking: Asking) -> Trials:
    """Hold every conversation `repeats` times; Trials of all answers, of which `value` is 1 for yes and 0 for no.

    Columns beside those of Trials: `scenario`, `said` (yes, no, refusal, unclear, truncated or empty), `wording`,
    `options`, and what the scenario says of ladder, severity, deed, law, moral, utilitarian and answer. Raises
    ScalewiseError when the server fails or the budget is spent; what was answered is kept, and asked no more.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        rows = asyncio.run(_ask_all(held, asking))
    else:  # a notebook runs a loop of its own
        with ThreadPoolExecutor(1) as thread:
            rows = thread.submit(asyncio.run, _ask_all(held, asking)).result()
    return answers_as_trials(rows, asking.endpoint.model)


def planned(held: Sequence[Conversation], asking: Asking) -> tuple[int, float]:
    """How many calls it takes at most, and how many dollars; those that begin alike are asked once."""
    endpoint = asking.endpoint
    said = {tuple(turn.text for turn in c.turns[: k + 1]) for c in held for k in range(len(c.turns))}
    answers = "x" * (endpoint.max_tokens * BYTES_PER_TOKEN)
    dollars = 0.0
    for texts in said:
        before = [{"role": "assistant", "content": answers}] * (len(texts) - 1)
        dollars += endpoint.most_cost([*({"role": "user", "content": text} for text in texts), *before])
    return asking.repeats * len(said), asking.repeats * dollars


async def _ask_all(held: Sequence[Conversation], asking: Asking) -> list[dict[str, Any]]:
    async with open_http(asking.endpoint) as http:
        client = Client(asking.endpoint, Cache(asking.directory / "answers.jsonl"), http)
        with CallProgress(sum(len(c.turns) for c in held) * asking.repeats) as progress:
            # all first repeats before any second one: whatever stops the probe leaves a balanced table
            tasks = [
                asyncio.create_task(_hold(client, conversation, repeat, progress))
                for repeat in range(asking.repeats)
                for conversation in held
            ]
            try:
                found = await asyncio.gather(*tasks)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
    return [row for rows in found for row in rows]


async def _hold(
    client: Client, conversation: Conversation, repeat: int, progress: CallProgress
) -> list[dict[str, Any]]:
    async def say(messages: list[dict[str, str]]) -> Reply:
        reply = await client.ask(messages, repeat)
        progress.advance(client.spent)
        return reply

    rows = await hold(conversation, say)
    for _ in range(len(conversation.turns) - len(rows)):
        progress.skip()
    return [row | {"repeat": repeat} for row in rows]


def answers_as_trials(rows: "Sequence[dict[str, Any]] | pl.DataFrame", model: str) -> Trials:
    """Rows with `said` as Trials: yes and right are 1, no and wrong are 0, all else is not parsed and stays."""
    import polars as pl

    table = rows if isinstance(rows, pl.DataFrame) else pl.DataFrame(rows, infer_schema_length=None)
    value = pl.col("said").replace_strict(VALUES, default=None, return_dtype=pl.Float64)
    table = table.with_columns(value.alias("value"), pl.lit(model).alias("run"), pl.lit(model).alias("group"))
    return trials_from(table.with_columns(pl.col("value").is_not_null().alias("parsed")), model)
