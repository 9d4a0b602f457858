"""A study: a TOML file that declares which models are trained on what, how each is tuned, and what is then asked."""

import math
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from scalewise.errors import StudyError, did_you_mean
from scalewise.lab.code import code_version
from scalewise.lab.data.corpus import Corpus
from scalewise.lab.dial import HEAD_WIDTH, dialled
from scalewise.lab.recipe import MUP_WIDTH, Init, OptimizerName, Parametrization, Recipe, batch_windows
from scalewise.lab.schedule import MOST_WARMUP, WARMUP, Schedule
from scalewise.lab.search import Choice, Name
from scalewise.lab.shapes import Architecture, Gpt2Shape, LstmShape, Shape, UniversalShape
from scalewise.runs.flops import TransformerShape

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
PositiveInt = Annotated[int, Field(gt=0)]
BYTES = 256


class Declared(BaseModel):
    """Unknown keys are errors, and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Size(Declared):
    """One model shape. Heads default to one per 32 of width, the feed-forward to 8/3 of the width."""

    width: PositiveInt
    depth: PositiveInt
    heads: PositiveInt | None = None
    feedforward: PositiveInt | None = None

    @model_validator(mode="after")
    def heads_divide_width(self) -> "Size":
        if self.width % (2 * self._heads):
            raise ValueError(f"width {self.width} must be a multiple of twice its {self._heads} heads")
        return self

    @property
    def _heads(self) -> int:
        return self.heads or max(1, self.width // HEAD_WIDTH)

    def shape(
        self, context: int, architecture: Architecture = "llama"
    ) -> TransformerShape | Gpt2Shape | UniversalShape | LstmShape:
        """The shape in an architecture; GPT-2's feed-forward defaults to 4 widths, an LSTM has neither it nor heads."""
        if architecture == "lstm":
            return LstmShape(self.width, self.depth, BYTES, context)
        if architecture == "gpt2":
            return Gpt2Shape(self.width, self.depth, self._heads, self.feedforward or 4 * self.width, BYTES, context)
        kind = UniversalShape if architecture == "universal" else TransformerShape
        return kind(
            self.width, self.depth, self._heads, self.feedforward or 8 * math.ceil(self.width / 3), BYTES, context
        )


class Dial(Declared):
    """Sizes by their number of parameters; the width is about `aspect` depths. See `dial.py`."""

    params: tuple[Annotated[float, Field(ge=1e3, le=1e12)], ...] = Field(min_length=1)
    aspect: Positive = 24.0


class Data(Declared):
    corpus: str = Field(default="stdlib", min_length=1)
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


class Arm(Declared):
    """One recipe of several that are compared; what is left out is as in `[training]`, and `sizes` as in the study."""

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

    def training(self, shared: Training) -> Training:
        own = self.model_dump(exclude_none=True, exclude={"name", "sizes", "aspect"})
        return shared.model_copy(update=own)


class Batch(Declared):
    """Tokens per step grow as a power of the run's length; the exponent is nanochat's (its log of 2026-02-05)."""

    tokens: Positive = 1024
    at_tokens: Positive = 2.5e6
    exponent: float = Field(default=0.383, ge=0, le=1)


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


class Study(Declared):
    """The whole declaration."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    group: str = "llama"
    flops: tuple[Annotated[float, Field(ge=1e6, le=1e30)], ...] = Field(min_length=1)
    sizes: tuple[Size, ...] = ()
    dial: Dial | None = None
    data: Data = Data()
    training: Training = Training()
    batch: Batch = Batch()
    tuning: Tuning = Tuning()
    arms: tuple[Arm, ...] = ()
    questions: tuple[QuestionCall, ...] = ()
    keep_weights: Literal["tuned", "all", "none"] = "tuned"

    @model_validator(mode="after")
    def names_and_sizes_are_distinct(self) -> "Study":
        if bool(self.sizes) == bool(self.dial):
            raise ValueError("give the models either one by one as `sizes`, or by their params as `[dial]`")
        if any(arm.aspect and (arm.sizes or not self.dial) for arm in self.arms):
            raise ValueError("an arm's aspect turns the study's `[dial]`; there is none for it")
        names = [arm.name for arm in self.arms]
        if len(set(names)) < len(names):
            raise ValueError("two of the arms have the same name; name each once")
        for arm in self.all_arms:
            training = arm.training(self.training)
            if training.parametrization == "mup" and (
                training.optimizer != "adamw" or training.init != "fan-in" or training.architecture == "gpt2"
            ):
                raise ValueError(
                    "parametrization mup is for adamw, init fan-in and an untied last layer (llama, universal, lstm)"
                )
            if training.init == "data-dependent" and training.architecture == "lstm":
                raise ValueError("init data-dependent is for transformers; give an lstm fan-in or gpt2")
            shapes = [self.shape(arm, size) for size in self.sizes_of(arm)]
            if len(set(shapes)) < len(shapes):
                raise ValueError("two of the sizes are the same model; list each once")
        return self

    @property
    def all_arms(self) -> tuple[Arm, ...]:
        """The arms, or the one that a study without arms is."""
        return self.arms or (Arm(name=self.group),)

    def sizes_of(self, arm: Arm) -> tuple[Size, ...]:
        """The models of an arm: its own, the study's, or those that the dial gives in its architecture."""
        if self.dial is None or arm.sizes:
            return arm.sizes or self.sizes
        architecture, context = arm.training(self.training).architecture, self.data.context
        return tuple(
            _dialled(params, arm.aspect or self.dial.aspect, architecture, context) for params in self.dial.params
        )

    def shape(self, arm: Arm, size: Size) -> TransformerShape | Gpt2Shape | UniversalShape | LstmShape:
        return size.shape(self.data.context, arm.training(self.training).architecture)

    def recipe(self, arm: Arm, size: Size, budget: float, choice: Choice, seed: int, corpus: Corpus) -> Recipe:
        """One run. Batch and warm-up follow from the middle budget, so that all budgets can share a trunk."""
        shape = self.shape(arm, size)
        training = arm.training(self.training).model_copy(update=dict(choice.others))
        middle = math.exp(sum(map(math.log, self.flops)) / len(self.flops)) / shape.flops_per_token
        windows = batch_windows(
            tokens=middle,
            context=self.data.context,
            at=(self.batch.at_tokens, self.batch.tokens),
            exponent=self.batch.exponent,
        )
        step_tokens = windows * self.data.context
        shortest = min(self.flops) / shape.flops_per_token
        own = budget / shape.flops_per_token if training.schedule == "cosine" else middle
        return Recipe(
            study=self.name,
            group=arm.name,
            shape=shape,
            flops_budget=budget,
            lr=2.0**choice.exponent,
            seed=seed,
            batch_windows=windows,
            warmup_steps=max(1, round(min(WARMUP * own, MOST_WARMUP * shortest) / step_tokens)),
            schedule=training.schedule,
            optimizer=training.optimizer,
            init=training.init,
            parametrization=training.parametrization,
            weight_decay=training.weight_decay,
            beta2=training.beta2,
            clip=training.clip,
            held_out_windows=self.data.held_out_windows,
            data_size=int(corpus.train.size),
            data_sha256=corpus.sha256,
            code=code_version(),
        )

    def first_rate_exponent(self, arm: Arm, size: Size) -> int:
        tuning, training = self.tuning, arm.training(self.training)
        width = MUP_WIDTH if training.parametrization == "mup" else size.width
        muon = training.optimizer == "muon"
        return round(math.log2(tuning.muon_rate if muon else tuning.rate_times_width / width))


def _dialled(params: float, aspect: float, architecture: Architecture, context: int) -> Size:
    def shape_at(width: int, depth: int, heads: int) -> Shape:
        return Size(width=width, depth=depth, heads=heads).shape(context, architecture)

    width, depth, heads = dialled(params, aspect, shape_at)
    return Size(width=width, depth=depth, heads=heads)


def load_study(path: Path) -> Study:
    """Read and check a study file. Raises StudyError that lists every error of the file."""
    if not path.is_file():
        raise StudyError(f"{path}: no such study file.")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: not valid TOML: {error}.") from None
    try:
        return Study.model_validate(content)
    except ValidationError as error:
        raise StudyError("\n".join(f"{path}: {line}" for line in _explain(error))) from None


def _explain(error: ValidationError) -> Iterator[str]:
    items = error.errors()
    places = [item["loc"] for item in items]
    for item in items:
        if any(place != item["loc"] and place[: len(item["loc"])] == item["loc"] for place in places):
            continue  # "too few sizes" says nothing where a size itself is wrong
        where = ".".join(str(part) for part in item["loc"]) or "the file"
        if item["type"] == "extra_forbidden":
            hint = did_you_mean(str(item["loc"][-1]), _keys_beside(item["loc"]))
            yield f"{where}: unknown key{hint}."
        else:
            yield f"{where}: {item['msg'].removeprefix('Value error, ')}."


def _keys_beside(location: tuple[int | str, ...]) -> list[str]:
    model: type[BaseModel] = Study
    parts: dict[str, type[BaseModel]] = {
        "sizes": Size,
        "data": Data,
        "training": Training,
        "batch": Batch,
        "tuning": Tuning,
        "arms": Arm,
        "dial": Dial,
    }
    for part in location[:-1]:
        model = parts.get(str(part), model)
    return list(model.model_fields)
