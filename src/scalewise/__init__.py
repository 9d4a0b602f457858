"""scalewise: settle claims about scale in deep learning. Runs go in, an honest answer comes out.

    import scalewise as sw
    runs = sw.read("runs.csv")
    answer = sw.ask("model-size", runs, flops=1e21, tolerance=0.005)
    print(answer)

Names are loaded on first use, so that importing the package costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from scalewise.version import VERSION as __version__

if TYPE_CHECKING:
    from scalewise.errors import ScalewiseError
    from scalewise.laws import calibrate, compare, extrapolate, extrapolate_surface, fit_families, fit_law
    from scalewise.questions import Answer, ask
    from scalewise.runs import Runs, read

_HOMES = {
    "Answer": "scalewise.questions",
    "Runs": "scalewise.runs",
    "ScalewiseError": "scalewise.errors",
    "ask": "scalewise.questions",
    "calibrate": "scalewise.laws",
    "compare": "scalewise.laws",
    "extrapolate": "scalewise.laws",
    "extrapolate_surface": "scalewise.laws",
    "fit_families": "scalewise.laws",
    "fit_law": "scalewise.laws",
    "read": "scalewise.runs",
}

__all__ = [
    "Answer",
    "Runs",
    "ScalewiseError",
    "__version__",
    "ask",
    "calibrate",
    "compare",
    "extrapolate",
    "extrapolate_surface",
    "fit_families",
    "fit_law",
    "read",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'scalewise' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
