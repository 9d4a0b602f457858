"""The families of laws, in the order in which people look for them. A new one is one file and one line here."""

from scalewise.laws.families.family import BoundFamily, Family, Parameter
from scalewise.laws.families.power_sum import CHINCHILLA, POWER, POWER_FLOOR

CURVES: tuple[Family, ...] = (POWER, POWER_FLOOR)
"""Laws of one input."""
SURFACES: tuple[Family, ...] = (CHINCHILLA,)
"""Laws of size and data together."""

__all__ = ["CHINCHILLA", "CURVES", "POWER", "POWER_FLOOR", "SURFACES", "BoundFamily", "Family", "Parameter"]
