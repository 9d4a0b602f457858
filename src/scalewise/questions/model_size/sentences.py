"""The answer in one sentence, and what was assumed."""

import numpy as np

from scalewise.laws import Estimate
from scalewise.laws.fit import estimate
from scalewise.questions import wording
from scalewise.questions.model_size.choice import Case, Choice, exponential
from scalewise.questions.model_size.lifetime import Lifetime
from scalewise.questions.model_size.methods import Together


def answered(
    case: Case, choice: Choice, serve_tokens: float | None, together: Together | None, best_group: str | None
) -> str:
    """`best_group` is the one of several that is answered for because its loss is lowest; None where that was asked."""
    best, small = exponential(choice.optimum), exponential(choice.smallest)
    share = exponential(choice.smallest - choice.optimum)
    longer = exponential(choice.longer(choice.smallest))
    text = (
        f"At {wording.flops(case.flops)} flops the best size is {_interval(best)} params; {_interval(small)} params, "
        f"{share.value:.2f} [{share.low:.2f}, {share.high:.2f}] of it, stay within {case.tolerance} of its loss. For "
        f"the same compute the smaller model trains on {wording.times(longer.value)} [{wording.times(longer.low)}, "
        f"{wording.times(longer.high)}] the tokens"
    )
    if serve_tokens:
        text += _served(case, choice, serve_tokens)
    if together and not together.agree:
        text += (
            f". Yet weighted laws and isoFLOP budgets together put the best size at {_interval(together.params)}: the "
            "law that was fitted is not to be trusted at this compute"
        )
    elif together:
        text += f". Weighted laws and isoFLOP budgets together put the best size at {_interval(together.params)}"
    if best_group:
        text += f". This is for group '{best_group}', whose loss is the lowest; --group chooses another"
    return text + "."


def _served(case: Case, choice: Choice, tokens: float) -> str:
    served = [np.exp(choice.log_serving_flops(logs, tokens)) for logs in (choice.optimum, choice.smallest)]
    saved = estimate(float(served[0][0] - served[1][0]), served[0][1:] - served[1][1:])
    low, high = wording.flops(saved.low), wording.flops(saved.high)
    life = Lifetime(case, choice)
    text = (
        f" and saves {wording.flops(saved.value)} [{low}, {high}] flops when {wording.count(tokens)} tokens are served"
    )
    if life.known:
        cheapest = _interval(exponential(life.cheapest(tokens)))
        text += f"; at the loss of the best size, {cheapest} params are cheapest over training and serving"
    return text


def _interval(e: Estimate) -> str:
    return f"{wording.count(e.value)} [{wording.count(e.low)}, {wording.count(e.high)}]"


def assumptions(case: Case, backtested: bool, reachable: float) -> tuple[str, ...]:
    family = case.fit.family
    lines = [
        f"loss = {family.formula} at every size and length, with N params and D tokens ({family.source})",
        "every run ends its own schedule and is tuned alike",
        "compute is 6 x params x tokens"
        if case.cost.is_six_nd
        else "operations per token follow a smooth curve through the observed ratios to 6 x params",
        "serving a token takes a third of the operations of training on it",
    ]
    if case.flops > case.seen:
        lines.append("intervals hold resampling of the runs, not the doubt whether the law's form goes on that far")
    if case.flops > reachable * case.seen:
        lines.append(
            f"no probability is given beyond {reachable:g} times the observed compute: it would be the law's own"
        )
    if not backtested:
        lines.append("no backtest is possible with so few runs: the intervals are not calibrated")
    return tuple(lines)
