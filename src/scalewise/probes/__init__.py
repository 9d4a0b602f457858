"""Probes: each measures something of models and returns Trials, from which the questions make an Answer.

The list below is the whole set: a name, and what it settles. Its command is in `cli/probing.py`.
"""

PROBES: dict[str, str] = {
    "dialogue": "Is a chat model one mind? The same question in many guises, to any OpenAI-compatible endpoint.",
    "recognition": "How many exposures until a model tells what it studied from what it did not, as people do?",
    "memorising": "Does what a model says follow its nearest training text more than equally near text it never saw?",
    "verbatim": "Do a model's texts copy longer stretches of its training text than fresh text of the same kind does?",
    "contamination": "Do the answers of an arithmetic test stand in a text, in any of the ways people write sums?",
}
