"""The battery as an Inspect task, so that any model Inspect knows can be asked, with its cache, logs and viewer.

    inspect eval scalewise/dialogue --model openai/gpt-4o --epochs 3 -T transformation=wording,options
    scalewise probe dialogue --from-logs logs/

An epoch is a repeat. Every sample is a conversation, which is kept in its store as rows; `--from-logs` reads them.
"""

from collections.abc import Sequence
from pathlib import Path

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageUser
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver

from scalewise.probes.dialogue.cache import Reply
from scalewise.probes.dialogue.hold import hold
from scalewise.probes.dialogue.logs import CUT_OFF, STORED
from scalewise.probes.dialogue.scenarios import load_scenarios
from scalewise.probes.dialogue.variants import Conversation, conversations

Names = str | Sequence[str]


@task
def dialogue(transformation: Names = (), scenarios: Names = (), most: int | None = None) -> Task:
    """The plain questions and their guises under the transformations named (default: all), of our own scenarios or
    those of the files named, of which only the first `most` are asked."""
    asked = load_scenarios([Path(name) for name in _several(scenarios)])[:most]
    held = {conversation.name: conversation for conversation in conversations(asked, _several(transformation))}
    samples = [Sample(id=name, input=conversation.turns[0].text) for name, conversation in held.items()]
    return Task(dataset=MemoryDataset(samples, name="scenarios"), solver=converse(held), scorer=last_answer())


def _several(names: Names) -> list[str]:
    return [name for name in names.split(",") if name] if isinstance(names, str) else [str(name) for name in names]


@solver
def converse(held: dict[str, Conversation]) -> Solver:
    """Every turn of a sample's conversation, one after the other."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        state.messages = []

        async def say(messages: list[dict[str, str]]) -> Reply:
            state.messages.append(ChatMessageUser(content=messages[-1]["content"]))
            output = (await generate(state)).output
            return Reply(output.completion, "length" if output.stop_reason in CUT_OFF else str(output.stop_reason))

        state.store.set(STORED, await hold(held[str(state.sample_id)], say))
        return state

    return solve


@scorer(metrics={"*": [mean()]})
def last_answer() -> Scorer:
    """Whether a conversation ends in a yes, a no or neither. Whether answers agree, `--from-logs` tells."""

    async def score(state: TaskState, target: Target) -> Score:
        last = state.store.get(STORED)[-1]
        ends = {name: float(last["said"] == name) for name in ("yes", "no")}
        return Score(value={**ends, "neither": 1.0 - sum(ends.values())}, answer=last["text"])

    return score
