"""The families of laws, in the order in which people look for them. A new one is one file and one line here."""

from scalewise.laws.families.accuracy_from_loss import ACCURACY_FROM_LOSS
from scalewise.laws.families.adjusted import Adjusted
from scalewise.laws.families.between_levels import M4
from scalewise.laws.families.broken_power import ONE_BREAK, TWO_BREAKS
from scalewise.laws.families.coupled import COUPLED
from scalewise.laws.families.double_descent import DOUBLE_DESCENT
from scalewise.laws.families.every_token import EveryToken
from scalewise.laws.families.exponential import EXPONENTIAL, SATURATING_EXPONENTIAL
from scalewise.laws.families.family import BoundFamily, Family, Parameter
from scalewise.laws.families.grouped import Grouped
from scalewise.laws.families.kaplan import KAPLAN
from scalewise.laws.families.logistic import LOGISTIC, Logistic
from scalewise.laws.families.one_exponent import ONE_EXPONENT, OVERTRAINING
from scalewise.laws.families.polynomial import (
    CONSTANT,
    CUBIC,
    LINEAR,
    LOG_CUBIC,
    LOG_QUADRATIC,
    LOGARITHM,
    QUADRATIC,
)
from scalewise.laws.families.power_ceiling import POWER_CEILING
from scalewise.laws.families.power_sum import CHINCHILLA, POWER, POWER_FLOOR
from scalewise.laws.families.repetition import REPETITION
from scalewise.laws.families.rising_power import RISING_POWER, RisingPower
from scalewise.laws.families.shifted_power import M3, SHIFTED_POWER
from scalewise.laws.families.spline import Spline
from scalewise.laws.families.step import STEP

CURVES: tuple[Family, ...] = (
    CONSTANT,
    LINEAR,
    LOGARITHM,
    POWER,
    POWER_FLOOR,
    POWER_CEILING,
    RISING_POWER,
    SHIFTED_POWER,
    M3,
    M4,
    ONE_BREAK,
    TWO_BREAKS,
    LOGISTIC,
    STEP,
    EXPONENTIAL,
    SATURATING_EXPONENTIAL,
    QUADRATIC,
    CUBIC,
    LOG_QUADRATIC,
    LOG_CUBIC,
    DOUBLE_DESCENT,
)
"""Laws of one input. M1 and M2 of the extrapolation benchmark are `power` and `power + floor`."""
SURFACES: tuple[Family, ...] = (CHINCHILLA, KAPLAN, COUPLED, ONE_EXPONENT)
"""Laws of size and data together."""

__all__ = [
    "ACCURACY_FROM_LOSS",
    "CHINCHILLA",
    "CONSTANT",
    "COUPLED",
    "CUBIC",
    "CURVES",
    "DOUBLE_DESCENT",
    "EXPONENTIAL",
    "KAPLAN",
    "LINEAR",
    "LOGARITHM",
    "LOGISTIC",
    "LOG_CUBIC",
    "LOG_QUADRATIC",
    "M3",
    "M4",
    "ONE_BREAK",
    "ONE_EXPONENT",
    "OVERTRAINING",
    "POWER",
    "POWER_CEILING",
    "POWER_FLOOR",
    "QUADRATIC",
    "REPETITION",
    "RISING_POWER",
    "SATURATING_EXPONENTIAL",
    "SHIFTED_POWER",
    "STEP",
    "SURFACES",
    "TWO_BREAKS",
    "Adjusted",
    "BoundFamily",
    "EveryToken",
    "Family",
    "Grouped",
    "Logistic",
    "Parameter",
    "RisingPower",
    "Spline",
]
