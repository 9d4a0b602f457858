"""Language models as this probe sees them: text to tokens, tokens to hidden states, a prompt to what follows it.

A model of the lab, or any checkpoint in the Hugging Face format on this machine.
"""

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import MissingExtraError, QuestionError, first_line
from scalewise.lab.weights import TrainedModel

if TYPE_CHECKING:
    from torch import Tensor

Tokens = NDArray[np.int64]
AT_ONCE = 64
"""Sequences in one forward pass."""
LAYER = 2 / 3
"""How deep into the model its embedding space is taken from."""


class LanguageModel(ABC):
    """Tokens are (B, T) arrays; all sequences of a call have one length."""

    context: int

    @abstractmethod
    def encode(self, text: str) -> list[int]: ...

    @abstractmethod
    def decode(self, tokens: NDArray[Any]) -> str: ...

    @abstractmethod
    def _logits(self, tokens: "Tensor") -> "Tensor":
        """(B, T, V)."""

    @abstractmethod
    def _states(self, tokens: "Tensor") -> "Tensor":
        """Hidden states (B, T, width) two thirds into the model."""

    def embed(self, tokens: NDArray[Any]) -> NDArray[np.float32]:
        """The mean hidden state of each sequence: (B, width)."""
        import torch

        parts = torch.split(torch.from_numpy(np.ascontiguousarray(tokens, np.int64)), AT_ONCE)
        embedded: NDArray[np.float32] = torch.cat([self._states(part).mean(dim=1) for part in parts]).float().numpy()
        return embedded

    def continued(self, prompts: NDArray[Any], length: int, rng: np.random.Generator | None = None) -> Tokens:
        """The likeliest next token, `length` times over, or with a generator one drawn from the model: (B, length)."""
        import torch

        found = []
        for part in torch.split(torch.from_numpy(np.ascontiguousarray(prompts, np.int64)), AT_ONCE):
            tokens = part
            for _ in range(length):
                logits = self._logits(tokens)[:, -1].double()
                if rng is not None:  # the largest of logits with Gumbel noise is a draw from the softmax
                    logits = logits + torch.from_numpy(rng.gumbel(size=tuple(logits.shape)))
                tokens = torch.cat([tokens, logits.argmax(dim=-1, keepdim=True)], dim=1)
            found.append(tokens[:, part.shape[1] :])
        continued: Tokens = torch.cat(found).numpy()
        return continued

    def log_likelihood(self, prompts: NDArray[Any], answers: NDArray[Any]) -> NDArray[np.float64]:
        """The mean log probability of an answer's tokens after its prompt, nats: (B,)."""
        import torch

        both = torch.from_numpy(np.concatenate([prompts, answers], axis=1).astype(np.int64))
        length = answers.shape[1]
        parts = []
        for part in torch.split(both, AT_ONCE):
            logs = self._logits(part)[:, -length - 1 : -1].double().log_softmax(dim=-1)
            parts.append(logs.gather(2, part[:, -length:, None])[..., 0].mean(dim=1))
        likelihood: NDArray[np.float64] = torch.cat(parts).numpy()
        return likelihood


class LabModel(LanguageModel):
    """A model of the lab: a token is a byte."""

    def __init__(self, model: TrainedModel) -> None:
        self.model = model
        self.context = model.shape.context
        self.layers = max(1, round(LAYER * model.shape.depth))

    def encode(self, text: str) -> list[int]:
        return list(text.encode())

    def decode(self, tokens: NDArray[Any]) -> str:
        return bytes(tokens.astype(np.uint8)).decode("utf-8", errors="replace")

    def _logits(self, tokens: "Tensor") -> "Tensor":
        return self.model.logits(tokens)

    def _states(self, tokens: "Tensor") -> "Tensor":
        return self.model.states(tokens, self.layers)


class HubModel(LanguageModel):
    """A checkpoint in the Hugging Face format, from a folder; nothing is downloaded and no code of its own is run."""

    def __init__(self, folder: Path) -> None:
        try:
            from transformers import AutoModelForCausalLM, AutoTokenizer
            from transformers.utils import logging
        except ImportError:
            raise MissingExtraError("transformers", "checkpoints", "reading a Hugging Face checkpoint") from None
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            self.model: Any = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)
        except Exception as error:  # of whatever it is that its parts cannot read
            raise QuestionError(f"{folder}: transformers cannot load it: {first_line(error)}.") from None
        if not self.encode("a text"):
            raise QuestionError(f"{folder}: has no tokenizer; save the model's own there (tokenizer.save_pretrained).")
        self.context = int(getattr(self.model.config, "max_position_embeddings", 1024))
        self.layers = max(1, round(LAYER * int(self.model.config.num_hidden_layers)))

    def encode(self, text: str) -> list[int]:
        tokens: list[int] = self.tokenizer(text, add_special_tokens=False).input_ids
        return tokens

    def decode(self, tokens: NDArray[Any]) -> str:
        return str(self.tokenizer.decode(tokens.tolist()))

    def _logits(self, tokens: "Tensor") -> "Tensor":
        import torch

        with torch.no_grad():
            logits: Tensor = self.model(tokens).logits
        return logits

    def _states(self, tokens: "Tensor") -> "Tensor":
        import torch

        with torch.no_grad():
            states: Tensor = self.model(tokens, output_hidden_states=True).hidden_states[self.layers]
        return states


def is_checkpoint(path: Path) -> bool:
    """Whether a folder holds a model in the Hugging Face format."""
    config = path / "config.json"
    if not config.is_file():
        return False
    try:
        return "model_type" in json.loads(config.read_text(encoding="utf-8"))
    except ValueError:
        return False
