"""Probes: each measures something of models and returns Trials, from which the questions make an Answer.

The list below is the whole set: a name, and what it settles. Its command is in `cli/probing.py`.
"""

PROBES: dict[str, str] = {
    "recognition": "How many exposures until a model tells what it studied from what it did not, as people do?",
}
