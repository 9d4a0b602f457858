"""Searching several hyperparameters at once: Optuna's tree-structured Parzen estimator (Bergstra et al. 2011).

The learning rate alone has a better search (`tuning.py`). Together with others it is sampled here at the smallest
budget; the rate is then bracketed as always, with the others held where they were best. The sampler is seeded and is
asked for a few trials at a time, so that a study that was killed replays to the same trials.
"""

import math
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from scalewise.errors import MissingExtraError

if TYPE_CHECKING:
    from optuna import Trial

Name = Literal["weight_decay", "beta2", "clip"]
Space = Mapping[Name, tuple[float, float]]
"""Lowest and highest value of each, sampled evenly in logs (of 1 - beta2)."""
RATE_REACH = 3
"""Grid steps of the rate to either side of where its search would begin."""
AT_ONCE = 4
STARTUP = 8
"""Trials drawn at random before the sampler has anything to go by."""


@dataclass(frozen=True)
class Choice:
    """An exponent of the rate grid, and the values of the other hyperparameters."""

    exponent: int
    others: tuple[tuple[Name, float], ...] = ()


def check_optuna() -> None:
    """Raises MissingExtraError without Optuna."""
    from importlib.util import find_spec

    if find_spec("optuna") is None:
        raise MissingExtraError("Optuna", "search", "tuning.search")


def _choice(trial: "Trial", space: Space, centre: int) -> Choice:
    exponent = trial.suggest_int("rate", centre - RATE_REACH, centre + RATE_REACH)
    others: list[tuple[Name, float]] = []
    for name, (low, high) in space.items():
        if name == "beta2":
            others.append((name, 1 - trial.suggest_float(name, 1 - high, 1 - low, log=True)))
        else:
            others.append((name, trial.suggest_float(name, low, high, log=True)))
    return Choice(exponent, tuple(others))


def searched(space: Space, centre: int, trials: int, seed: int) -> Generator[list[Choice], dict[Choice, float], Choice]:
    """Yields choices to evaluate and is sent their losses (NaN: diverged); returns the best."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP)
    study = optuna.create_study(sampler=sampler)
    known: dict[Choice, float] = {}
    while len(study.trials) < trials:
        asked = [study.ask() for _ in range(min(AT_ONCE, trials - len(study.trials)))]
        choices = [_choice(trial, space, centre) for trial in asked]
        known |= yield list(dict.fromkeys(choices))
        for trial, choice in zip(asked, choices, strict=True):
            loss = known[choice]
            study.tell(trial, loss if math.isfinite(loss) else 1e9)
    return min(known, key=lambda choice: known[choice] if math.isfinite(known[choice]) else math.inf)
