"""The box of sizes and lengths that are as good as the optimum within a tolerance: its lower and its upper end."""

from scalewise.questions.answer import Cell, Finding, with_interval
from scalewise.questions.model_size.choice import Case, Choice, exponential, triple
from scalewise.questions.model_size.findings import TOLERANCES


def box(case: Case, choice: Choice) -> Finding:
    """At one budget the largest size reads the fewest tokens."""
    asked = (case.tolerance.relative, case.tolerance.nats)
    rows: list[tuple[Cell, ...]] = []
    for relative, nats in [
        *((t, 0.0) for t in sorted({*TOLERANCES, asked[0]} - {0.0})),
        *([asked] if asked[1] else []),
    ]:
        small = choice.budget.smallest_within(choice.optimum, relative, nats)
        large = choice.budget.largest_within(choice.optimum, relative, nats)
        ends = (exponential(small), exponential(large), choice.tokens(large), choice.tokens(small))
        name = f"{nats:g} nats" if nats else f"{100 * relative:g} %"
        rows.append((name, *(number for e in ends for number in triple(e))))
    return Finding(
        "Sizes and lengths within tolerance",
        ("within", *with_interval("smallest_params", "largest_params", "fewest_tokens", "most_tokens")),
        tuple(rows),
        "every size between the two ends, given the tokens that the compute buys it, stays within.",
    )
