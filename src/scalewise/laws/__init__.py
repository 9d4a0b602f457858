"""Laws: curves and surfaces against scale. Arrays in, fits out; nothing here knows what its x means.

Start with `fit.py` (one law, one data set, with resamples). `families/` holds the formulas, `residual.py` says how
distance is counted, `solver.py` fits in batches, `resample.py` says what each refit sees. `extrapolate.py` continues a
curve under many laws, with a `drift.py` beside them and weights from a `backtest.py`, and `extrapolate_surface.py` a
loss of size and data; `calibrate.py` finds the width of intervals on curves that are known. `compare.py` tells laws
apart or says that the data cannot, `valley.py` finds the lowest point of a curve and how it moves.
"""

from scalewise.laws.calibrate import Calibration, calibrate
from scalewise.laws.compare import Comparison, compare, fit_families
from scalewise.laws.extrapolate import Forecast, extrapolate
from scalewise.laws.extrapolate_surface import AveragedSurface, extrapolate_surface
from scalewise.laws.families import CHINCHILLA, POWER, POWER_FLOOR
from scalewise.laws.fit import Estimate, Fit, fit_law
from scalewise.laws.profile import profile
from scalewise.laws.valley import find_valley, power_line

__all__ = [
    "CHINCHILLA",
    "POWER",
    "POWER_FLOOR",
    "AveragedSurface",
    "Calibration",
    "Comparison",
    "Estimate",
    "Fit",
    "Forecast",
    "calibrate",
    "compare",
    "extrapolate",
    "extrapolate_surface",
    "find_valley",
    "fit_families",
    "fit_law",
    "power_line",
    "profile",
]
