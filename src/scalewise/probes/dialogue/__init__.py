"""Dialogue: is a chat model one mind? The same question in many guises, to any OpenAI-compatible endpoint.

`scenarios.py` reads what is asked, `variants.py` makes the guises of it, `client.py` asks, `parse.py` understands the
answers, `ask.py` makes Trials of them.
"""

from scalewise.probes.dialogue.ask import Asking, ask_all, planned
from scalewise.probes.dialogue.scenarios import load_scenarios
from scalewise.probes.dialogue.variants import TRANSFORMATIONS, conversations

__all__ = ["TRANSFORMATIONS", "Asking", "ask_all", "conversations", "load_scenarios", "planned"]
