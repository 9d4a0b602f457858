"""Runs: the one table that all else shares, and every way of obtaining it except training.

Start with `table.py` (what Runs is) and `columns.py` (names, units, aliases). `readers/` turns files into Runs,
`validate.py` checks every value on the way in, `compute.py` fills in missing operations, `flops.py` counts them
from a model's shape, `store.py` is the folder a study is trained into, `embedded/` holds the suite that is shipped.
Nothing here fits or judges.
"""

from scalewise.runs.readers import read
from scalewise.runs.table import Runs

__all__ = ["Runs", "read"]
