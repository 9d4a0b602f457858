"""Numbers as people type them."""


def brief(value: float, digits: int) -> str:
    """At most so many significant digits, and an exponent without plus or zeros: 3e12, 8e9, 0.25."""
    return f"{value:.{digits}g}".replace("e+0", "e").replace("e+", "e")
