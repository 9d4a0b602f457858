"""One conversation, whoever is asked and by whatever client: every turn with what was said before it, as rows."""

from collections.abc import Awaitable, Callable
from typing import Any

from scalewise.probes.dialogue.cache import Reply
from scalewise.probes.dialogue.parse import said
from scalewise.probes.dialogue.variants import SWAPPED, Conversation, Turn

Say = Callable[[list[dict[str, str]]], Awaitable[Reply]]
"""Takes the messages so far, of which the last is the user's, and gives the reply to them."""
OTHER = {"yes": "no", "no": "yes"}
OF_SCENARIO = ("ladder", "severity", "deed", "law", "moral", "utilitarian", "argues", "answer")
"""What a row says of the scenario that was asked about."""


async def hold(conversation: Conversation, say: Say) -> list[dict[str, Any]]:
    """The rows of a conversation, one a turn that was taken: what was said, and what the answer counts as."""
    messages: list[dict[str, str]] = []
    answers: list[str] = []
    rows: list[dict[str, Any]] = []
    for number, turn in enumerate(conversation.turns, 1):
        if turn.if_different and not (len(set(answers[-2:])) == 2 and set(answers[-2:]) <= {"yes", "no"}):
            continue
        text = turn.text
        if "{other}" in text:
            text = text.replace("{other}", OTHER.get(answers[0], "the opposite"))
        messages.append({"role": "user", "content": text})
        reply = await say(messages)
        messages.append({"role": "assistant", "content": reply.text})
        answers.append(said(reply.text, reply.finish_reason))
        rows.append(_row(conversation, number, turn, reply, answers))
    return rows


def _row(conversation: Conversation, number: int, turn: Turn, reply: Reply, answers: list[str]) -> dict[str, Any]:
    scenario = turn.scenario
    wording = turn.condition.removesuffix(SWAPPED)
    return {
        "item": f"{conversation.name}/{number}",
        "cluster": scenario.cluster,
        "scenario": scenario.id,
        "condition": turn.condition,
        "turn": number,
        "said": answers[-1],
        "text": reply.text,
        "first": answers[0] if len(answers) > 1 else None,
        "before": answers[-2] if len(answers) > 1 else None,
        "wording": "baseline" if wording == "options swapped" else wording,
        "options": "swapped" if turn.condition.endswith("options swapped") else "usual",
        **{k: getattr(scenario, k) for k in OF_SCENARIO},
    }
