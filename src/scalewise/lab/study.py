"""A study: a TOML file that declares which models are trained on what, how each is tuned, and what is then asked."""

import math
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationError, model_validator

from scalewise.errors import StudyError, did_you_mean
from scalewise.lab.data.corpus import BYTES, Corpus
from scalewise.lab.declared import Arm, Batch, Data, Declared, Dial, QuestionCall, Size, Training, Tuning
from scalewise.lab.dial import Rules, dialled
from scalewise.lab.recipe import MUP_WIDTH, Recipe, batch_windows
from scalewise.lab.schedule import MOST_WARMUP, WARMUP
from scalewise.lab.search import Choice
from scalewise.lab.shapes import AnyShape, Architecture, Shape

SAID = {"tuple_type": "Input should be a list", "too_short": "Give at least one"}
"""Pydantic's errors that speak of Python's types, in the words of a TOML file."""


class Study(Declared):
    """The whole declaration. `flops` are the same for every size, `tokens` cost each what it costs."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    group: str | None = None
    flops: tuple[Annotated[float, Field(ge=1e6, le=1e30)], ...] = ()
    tokens: tuple[Annotated[float, Field(ge=1, le=1e20)], ...] = ()
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
        if bool(self.flops) == bool(self.tokens):
            raise ValueError("say how long runs are either by `flops`, the same for every size, or by `tokens`")
        for name, budgets in (("flops", self.flops), ("tokens", self.tokens)):
            if len(set(budgets)) < len(budgets):
                raise ValueError(f"two of the {name} are the same; list each once")
        if bool(self.sizes) == bool(self.dial):
            raise ValueError("give the models either one by one as `sizes`, or by their params as `[dial]`")
        if any(arm.aspect and (arm.sizes or not self.dial) for arm in self.arms):
            raise ValueError("an arm's aspect turns the study's `[dial]`; there is none for it")
        if self.dial and (self.dial.depth or self.dial.width) and any(arm.aspect for arm in self.arms):
            raise ValueError("an arm's aspect has nothing to turn where the dial has a depth or a width")
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
            if training.optimizer == "adam" and (self._decay_of(arm) or "weight_decay" in self.tuning.search):
                raise ValueError("adam is adamw without weight_decay; leave one of the two out")
        if self.data.vocabulary or self.data.corpus == Data().corpus:  # else not known before there is a corpus
            self.check_shapes()
        return self

    def check_shapes(self) -> None:
        """Raises ValueError when two models of an arm are the same."""
        for arm in self.all_arms:
            shapes = [self.shape(arm, size) for size in self.sizes_of(arm)]
            if len(set(shapes)) < len(shapes):
                raise ValueError("two of the sizes are the same model; list each once")

    def on(self, corpus: Corpus) -> "Study":
        """The study of models that know this corpus's tokens. Raises StudyError when too few are declared, or when
        the table of them makes two of the sizes one."""
        declared = self.data.vocabulary
        if declared and declared < corpus.vocabulary:
            raise StudyError(f"data.vocabulary: {declared} is less than the {corpus.vocabulary} tokens of the corpus.")
        data = self.data.model_copy(update={"vocabulary": declared or corpus.vocabulary})
        study = self.model_copy(update={"data": data})
        try:
            study.check_shapes()
        except ValueError as error:
            raise StudyError(f"with a vocabulary of {data.vocabulary}, {error}.") from None
        return study

    @property
    def vocabulary(self) -> int:
        return self.data.vocabulary or BYTES

    @property
    def all_arms(self) -> tuple[Arm, ...]:
        """The arms, or the one that a study without arms is."""
        return self.arms or (Arm(name=self.group or self.training.architecture),)

    def sizes_of(self, arm: Arm) -> tuple[Size, ...]:
        """The models of an arm: its own, the study's, or those that the dial gives in its architecture."""
        if self.dial is None or arm.sizes:
            return arm.sizes or self.sizes
        architecture, context = arm.training(self.training).architecture, self.data.context
        return tuple(
            _dialled(params, self.dial.rules(arm.aspect), architecture, context, self.vocabulary)
            for params in self.dial.params
        )

    def budgets(self, arm: Arm, size: Size) -> tuple[float, ...]:
        """Operations of the runs of a size, ascending: those declared, or what the tokens declared cost it."""
        cost = self.shape(arm, size).flops_per_token
        return tuple(sorted(self.flops or (tokens * cost for tokens in self.tokens)))

    def _decay_of(self, arm: Arm) -> float:
        """The weight decay that the file gives an arm; 0 where it gives none."""
        shared = self.training.weight_decay if "weight_decay" in self.training.model_fields_set else 0.0
        return shared if arm.weight_decay is None else arm.weight_decay

    def shape(self, arm: Arm, size: Size) -> AnyShape:
        return size.shape(self.data.context, arm.training(self.training).architecture, self.vocabulary)

    def recipe(self, arm: Arm, size: Size, budget: float, choice: Choice, seed: int, corpus: Corpus) -> Recipe:
        """One run. Batch and warm-up follow from the middle budget, so that all budgets can share a trunk."""
        shape = self.shape(arm, size)
        training = arm.training(self.training).model_copy(update=dict(choice.others))
        budgets, batch = self.budgets(arm, size), arm.batch_rule(self.batch)
        middle = math.exp(sum(map(math.log, budgets)) / len(budgets)) / shape.flops_per_token
        windows = batch_windows(middle, self.data.context, (batch.at_tokens, batch.tokens), batch.exponent)
        if size.batch:
            windows = max(1, round(size.batch / self.data.context))
        step_tokens = windows * self.data.context
        shortest = budgets[0] / shape.flops_per_token
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
            weight_decay=0.0 if training.optimizer == "adam" else training.weight_decay,
            beta2=training.beta2,
            clip=training.clip,
            held_out_windows=self.data.held_out_windows,
            data_size=int(corpus.train.size),
            data_sha256=corpus.sha256,
        )

    def first_rate_exponent(self, arm: Arm, size: Size) -> int:
        tuning, training = self.tuning, arm.training(self.training)
        width = MUP_WIDTH if training.parametrization == "mup" else size.width
        muon = training.optimizer == "muon"
        return round(math.log2(tuning.muon_rate if muon else tuning.rate_times_width / width))


def _dialled(params: float, rules: Rules, architecture: Architecture, context: int, vocabulary: int) -> Size:
    def shape_at(width: int, depth: int, heads: int) -> Shape:
        return Size(width=width, depth=depth, heads=heads).shape(context, architecture, vocabulary)

    width, depth, heads = dialled(params, rules, shape_at)
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
            keys = _keys_beside(item["loc"])
            hint = did_you_mean(str(item["loc"][-1]), keys) or f"; the keys here are {', '.join(keys)}"
            yield f"{where}: unknown key{hint}."
        else:
            yield f"{where}: {SAID.get(item['type']) or item['msg'].removeprefix('Value error, ')}."


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
