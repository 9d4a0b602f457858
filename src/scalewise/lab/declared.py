"""The tables of a study file: sizes, data, training, arms, batch, tuning, questions. `study.py` puts them together."""

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from scalewise.lab.data.corpus import BYTES, Options
from scalewise.lab.dial import HEAD_WIDTH, Rules
from scalewise.lab.recipe import Init, OptimizerName, Parametrization
from scalewise.lab.schedule import Schedule
from scalewise.lab.search import Name
from scalewise.lab.shapes import AnyShape, Architecture, Gpt2Shape, LstmShape, UniversalShape
from scalewise.runs.flops import TransformerShape

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
PositiveInt = Annotated[int, Field(gt=0)]


class Declared(BaseModel):
    """Unknown keys are errors, and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Size(Declared):
    """One model shape. Heads default to one per 32 of width, the feed-forward to 8/3 of the width, the tokens per step
    (`batch`) to what the rule of the study or the arm gives."""

    width: PositiveInt
    depth: PositiveInt
    heads: PositiveInt | None = None
    feedforward: PositiveInt | None = None
    batch: PositiveInt | None = None

    @model_validator(mode="after")
    def heads_divide_width(self) -> "Size":
        if self.width % (2 * self._heads):
            raise ValueError(f"width {self.width} must be a multiple of twice its {self._heads} heads")
        return self

    @property
    def _heads(self) -> int:
        return self.heads or max(1, self.width // HEAD_WIDTH)

    def shape(self, context: int, architecture: Architecture = "llama", vocabulary: int = BYTES) -> AnyShape:
        """The shape in an architecture; GPT-2's feed-forward defaults to 4 widths, an LSTM has neither it nor heads."""
        if architecture == "lstm":
            return LstmShape(self.width, self.depth, vocabulary, context)
        if architecture == "gpt2":
            return Gpt2Shape(
                self.width, self.depth, self._heads, self.feedforward or 4 * self.width, vocabulary, context
            )
        kind = UniversalShape if architecture == "universal" else TransformerShape
        return kind(
            self.width, self.depth, self._heads, self.feedforward or 8 * math.ceil(self.width / 3), vocabulary, context
        )


class Dial(Declared):
    """Sizes by their number of parameters; the width is about `aspect` depths, unless one of both is given. See
    `dial.py`."""

    params: tuple[Annotated[float, Field(ge=1e3, le=1e12)], ...] = Field(min_length=1)
    aspect: Positive = Rules.aspect
    head_width: PositiveInt = HEAD_WIDTH
    heads: PositiveInt | None = None
    depth: PositiveInt | None = None
    width: PositiveInt | None = None

    @model_validator(mode="after")
    def rules_leave_something_open(self) -> "Dial":
        given = [name for name in ("aspect", "depth", "width") if name in self.model_fields_set]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} cannot be given together: one of them says what the others are")
        if "heads" in self.model_fields_set and "head_width" in self.model_fields_set:
            raise ValueError("heads and head_width cannot be given together: give one")
        if self.width and not self.rules().fits(self.width):
            heads = self.rules().heads_of(self.width)
            raise ValueError(f"width {self.width} must be a multiple of twice its {heads} heads")
        return self

    def rules(self, aspect: float | None = None) -> Rules:
        """`aspect` is an arm's own, before the dial's."""
        return Rules(aspect or self.aspect, self.head_width, self.heads, self.depth, self.width)


class Data(Declared):
    """What is trained on; `lab.data.sources` lists what a corpus can be. The vocabulary is what the corpus has, unless
    a larger one is given."""

    corpus: str = Field(default="stdlib", min_length=1)
    tokenizer: str | None = Field(default=None, min_length=1)
    column: str = Field(default=Options.column, min_length=1)
    most_bytes: Annotated[int, Field(ge=1_000_000)] = Options.most_bytes
    vocabulary: PositiveInt | None = None
    context: PositiveInt = 128
    held_out_windows: PositiveInt = 512


class Training(Declared):
    """What all runs share, unless an arm says otherwise. `precision` auto is bf16 where that is faster here."""

    architecture: Architecture = "llama"
    optimizer: OptimizerName = "adamw"
    init: Init = "fan-in"
    parametrization: Parametrization = "standard"
    schedule: Schedule = "wsd"
    weight_decay: float = Field(default=0.1, ge=0)
    beta2: float = Field(default=0.99, gt=0, lt=1)
    clip: Positive = 1.0
    precision: Literal["auto", "bf16", "fp32"] = "auto"


class Batch(Declared):
    """Tokens per step grow as a power of the run's length; the exponent is nanochat's (its log of 2026-02-05)."""

    tokens: Positive = 1024
    at_tokens: Positive = 2.5e6
    exponent: float = Field(default=0.383, ge=0, le=1)


class Arm(Declared):
    """One recipe of several that are compared; what is left out is as in `[training]` and `[batch]`, and `sizes` as in
    the study."""

    name: str = Field(min_length=1)
    architecture: Architecture | None = None
    optimizer: OptimizerName | None = None
    init: Init | None = None
    parametrization: Parametrization | None = None
    schedule: Schedule | None = None
    weight_decay: float | None = Field(default=None, ge=0)
    beta2: float | None = Field(default=None, gt=0, lt=1)
    clip: Positive | None = None
    sizes: tuple[Size, ...] | None = Field(default=None, min_length=1)
    aspect: Positive | None = None
    batch: Batch | None = None

    def training(self, shared: Training) -> Training:
        own = self.model_dump(exclude_none=True, exclude={"name", "sizes", "aspect", "batch"})
        return shared.model_copy(update=own)

    def batch_rule(self, shared: Batch) -> Batch:
        own = self.batch.model_dump(exclude_unset=True) if self.batch else {}
        return shared.model_copy(update=own)


class Tuning(Declared):
    """The learning rate is searched on a factor-2 grid that begins at `rate_times_width / width`, or at `muon_rate` for
    Muon, whose best rate does not change with width (measured at widths 32 to 128).

    With `transfer` it is searched at the first size only; the others take its rates over where a check at the smallest
    budget finds them best, and are searched where it does not.
    """

    rate_times_width: Positive = 0.25
    muon_rate: Positive = 0.02
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = (0, 1, 2)
    transfer: bool = False
    search: dict[Name, tuple[Positive, Positive]] = {}
    trials: Annotated[int, Field(ge=4)] = 24

    @model_validator(mode="after")
    def ranges_are_ranges(self) -> "Tuning":
        if self.search and self.transfer:
            raise ValueError("search and transfer exclude each other; give one")
        for name, (low, high) in self.search.items():
            if low >= high or (name == "beta2" and high >= 1):
                raise ValueError(f"search.{name} is [{low:g}, {high:g}]; give the lowest and the highest value")
        return self

    @field_validator("seeds")
    @classmethod
    def seeds_are_distinct(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if not seeds or len(set(seeds)) < len(seeds):
            raise ValueError("give at least one seed, each once")
        return seeds


class QuestionCall(Declared):
    """A question to ask at the end: its name, its options, and of which runs (SQL words, as after `--where`)."""

    model_config = ConfigDict(extra="allow", frozen=True)
    ask: str
    where: str | None = None

    @property
    def options(self) -> dict[str, Any]:
        return dict(self.model_extra or {})
