"""Numbers as a reader of the field writes them."""

import math
from collections.abc import Sequence

LARGEST_COUNT = 1e16
"""Beyond this no prefix helps."""
PREFIXES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


def count(value: float, digits: int = 3) -> str:
    """7908 -> 7.91k, 6.7e9 -> 6.7B: parameters and tokens."""
    if value >= LARGEST_COUNT:
        return flops(value)
    for size, letter in PREFIXES:
        if value >= size * 0.9995:
            return f"{_trim(value / size, digits)}{letter}"
    return _trim(value, digits)


def flops(value: float) -> str:
    """4e12 -> 4e12, 5.76e23 -> 5.76e23: operations, without a plus sign or padding."""
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def amount(value: float, axis: str) -> str:
    """A compute amount with its unit: `4e12 flops` or `82,432 GPU-hours`."""
    return f"{value:,.0f} GPU-hours" if axis == "gpu_hours" else f"{flops(value)} flops"


def times(value: float) -> str:
    """12.4x, 7.56x: a factor, three digits."""
    return f"{_trim(value, 3)}x"


def probability(value: float) -> str:
    """Never a certainty: a finite sample cannot give one."""
    if value >= 0.995:
        return "> 99 %"
    return "< 1 %" if value <= 0.005 else f"{100 * value:.0f} %"


def p_value(value: float) -> str:
    """0.0123 -> 0.012; nobody needs the digits of a smaller one than 0.001."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def share(value: float) -> str:
    """0.005 -> 0.5 %."""
    return f"{_trim(100 * value, 3)} %"


def interval(value: float, low: float, high: float) -> str:
    """-0.2 [-0.31, -0.12]: two digits of the interval's half width, and as many decimals of the value."""
    half = (high - low) / 2
    decimals = max(0, 1 - math.floor(math.log10(half))) if 0 < half < math.inf else 3
    return f"{value:,.{decimals}f} [{low:,.{decimals}f}, {high:,.{decimals}f}]"


def capital(sentence: str, names: tuple[str, ...]) -> str:
    """A sentence begins with a capital, unless it begins with the name of a column."""
    return sentence if sentence.startswith(names) else sentence[0].upper() + sentence[1:]


def all_of(names: Sequence[str]) -> str:
    """`x, y and z`."""
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _trim(value: float, digits: int) -> str:
    """`digits` significant digits without an exponent, and without trailing zeros after the point."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
