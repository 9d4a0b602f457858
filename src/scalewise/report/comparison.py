"""A comparison of laws as terminal text and as JSON."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from scalewise.laws.compare import Comparison


def show_comparison(found: "Comparison", x: str, y: str, console: "Console") -> None:
    """The verdict, every pair, what would have been chosen, and what would settle it."""
    from rich import box
    from rich.table import Table

    from scalewise.laws.compare import POWER_WANTED, SEEDS, STRETCHES

    console.print(found.verdict)
    console.print(
        f"{found.points} points of {y} against {x}; noise sd {found.noise_sd:.3g}, "
        f"correlation between neighbours {found.rho:.2f}"
    )
    pairs = Table("first", "second", "log ratio", "p, first true", "p, second true", "power", box=box.SIMPLE)
    pairs.add_column("preferred", no_wrap=True)
    for pair in found.pairs:
        numbers = (f"{pair.ratio:+.2f}", f"{pair.p_first:.3f}", f"{pair.p_second:.3f}", f"{pair.power:.0%}")
        pairs.add_row(pair.first, pair.second, *numbers, pair.preferred)
    console.print(pairs)
    chosen = Table("truth \\ chosen", *found.families, box=box.SIMPLE)
    for truth, shares in found.confusion.items():
        chosen.add_row(truth, *(f"{share:.0%}" for share in shares.values()))
    console.print(chosen)
    for s in found.settling:
        seeds = "1 run" if s.seeds == 1 else f"the mean of {s.seeds} seeds"
        where = ", ".join(f"{value:.3g}" for value in s.x)
        console.print(
            f"{seeds} at {x} = {where} would tell {s.first} from {s.second} with {s.power:.0%} power, "
            f"if {s.second} is true"
        )
    for first, second in found.unsettled:
        console.print(
            f"no single new point tried, up to {STRETCHES[-1]:.0f} times the largest {x} and as the mean of up to "
            f"{SEEDS[-1]} seeds, would tell {first} from {second} with {POWER_WANTED:.0%} power"
        )
    for note in found.notes:
        console.print(f"note: {note}")
    for name, why in found.left_out.items():
        console.print(f"left out: {name} ({why})")


def comparison_json(found: "Comparison") -> str:
    """Everything, with the verdict first."""
    return json.dumps({"verdict": found.verdict, **asdict(found)}, indent=2)
