"""How a finding's numbers are written: each by its column's name, with no more decimals than its interval supports."""

import math
from collections.abc import Callable, Collection, Iterable

from scalewise.questions import wording
from scalewise.questions.answer import Cell, Finding

Writer = Callable[[float], str]

WRITERS: dict[str, Writer] = {
    **dict.fromkeys(
        (
            "params",
            "tokens",
            "tokens_at_equal_compute",
            "smallest_params",
            "larger_params",
            "small_params",
            "big_params",
            "tokens_per_param",
            *("largest_params", "fewest_tokens", "most_tokens", "served_tokens"),
        ),
        wording.count,
    ),
    **dict.fromkeys(("flops", "serving_flops", "training_flops", "total_flops", "budget_flops"), wording.flops),
    **dict.fromkeys(("tolerance", "backtest_error", "rms_error", "bias", "clearest_difference"), wording.share),
    **dict.fromkeys(
        ("P(best)", "P(small wins)", "P(impossible)", "P(saturated)", "P(better)", "P(together at least)"),
        wording.probability,
    ),
    **dict.fromkeys(("gain", "gain_on_top", "gain_as_product", "gain_together", "shrunk_gain"), wording.share),
    **dict.fromkeys(("gain_as_seen", "gain_expected"), wording.share),
    **dict.fromkeys(("power", "power_here"), wording.probability),
    **dict.fromkeys(("paired_seeds_needed", "paired_seeds_here"), "{:,.0f}".format),
    **dict.fromkeys(("p", "p_holm", "p_bh", "p_exact", "p_alike", "p_level"), wording.p_value),
    "gpu_hours": "{:,.0f}".format,
    **dict.fromkeys(("weight", "P(cross inside)", "P(faster than hardware)"), wording.probability),
    **dict.fromkeys(("times_longer", "multiplier", "times_largest"), wording.times),
    **dict.fromkeys(("reached_at", "largest", "last_before", "first_reached"), wording.count),
    "crossing": wording.count,
    "exposures": "{:g}".format,
    **dict.fromkeys(("saved", "optimizer_share"), wording.share),
    **dict.fromkeys(("first_date", "last_date"), "{:.1f}".format),
}
"""How the numbers of a column are written; other columns are plain numbers."""
WRITTEN_OUT = 1e9
"""Plain numbers from here on are written as 1.2e9."""


def shown(finding: Finding, one_group: bool = False) -> tuple[list[str], list[list[str]]]:
    """Column headings and text cells; `x`, `x_low`, `x_high` become one cell `x [low, high]`.

    With `one_group` the column `group` is left out: where it says the same everywhere it tells nothing.
    """
    places = {name: i for i, name in enumerate(finding.columns)}
    columns = _columns(finding, one_group)
    rows = [[_cell(name, row, places) for name in columns] for row in finding.rows]
    return [name.replace("_", " ") for name in columns], rows


def of_one_group(findings: Iterable[Finding]) -> bool:
    """Whether no two rows of these tables are of different groups."""
    named = {row[f.columns.index("group")] for f in findings if "group" in f.columns for row in f.rows}
    return len(named) <= 1


def words(finding: Finding, one_group: bool = False) -> list[bool]:
    """Which of the columns that are shown hold words, not numbers."""
    held = [finding.columns.index(name) for name in _columns(finding, one_group)]
    return [all(isinstance(row[i], str) for row in finding.rows) for i in held]


def _columns(finding: Finding, one_group: bool) -> list[str]:
    """Those that become a column of what is shown."""
    drop = {"group"} if one_group else set()
    return [name for name in finding.columns if name not in drop and not _is_end(name, finding.columns)]


def _is_end(name: str, places: Collection[str]) -> bool:
    return any(name.endswith(end) and name.removesuffix(end) in places for end in ("_low", "_high"))


def _cell(name: str, row: tuple[Cell, ...], places: dict[str, int]) -> str:
    value = row[places[name]]
    low, high = (row[places[name + end]] if name + end in places else None for end in ("_low", "_high"))
    if not isinstance(low, int | float) and not isinstance(high, int | float):
        return number(name, value)
    if not isinstance(low, int | float) or not isinstance(high, int | float):  # one end is open
        return f"{number(name, value)} [{number(name, low)}, {number(name, high)}]"
    half = (high - low) / 2
    return f"{number(name, value, half)} [{number(name, low, half)}, {number(name, high, half)}]"


def number(name: str, value: Cell, half_width: float | None = None) -> str:
    """One value. `half_width` of its interval decides the decimals of a plain number."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if name in WRITERS:
        return WRITERS[name](value)
    if name.startswith("P("):
        return wording.probability(value)
    return f"{value:,}" if isinstance(value, int) else _plain(value, half_width)


def _plain(value: float, half_width: float | None) -> str:
    """Two digits of the interval's half width; without an interval, three decimals or four digits."""
    if abs(value) >= WRITTEN_OUT:
        return wording.flops(value)
    if half_width:
        decimals = min(6, max(0, 1 - math.floor(math.log10(half_width))))
        return f"{value:,.{decimals}f}"
    return f"{value:.3f}" if 0.01 <= abs(value) < 100 else f"{value:.4g}"
