"""What a suite was trained with: recorded beside its numbers, since rounding differs between machines."""

import platform
from importlib.metadata import version

from scalewise.lab.code import code_version
from scalewise.version import VERSION


def environment(device: str, on: str) -> dict[str, str]:
    """Software versions, processor, device and place."""
    return {
        "scalewise": VERSION,
        "code": code_version(),
        "python": platform.python_version(),
        "torch": version("torch"),
        "machine": f"{platform.system()} {platform.machine()}",
        "device": device,
        "on": on,
    }
