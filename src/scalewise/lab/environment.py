"""What a suite was trained with: recorded beside its numbers, since rounding differs between machines."""

import platform
from importlib.metadata import version


def environment(device: str, workers: int) -> dict[str, str | int]:
    """Software versions, processor, device and number of workers."""
    return {
        "python": platform.python_version(),
        "torch": version("torch"),
        "machine": f"{platform.system()} {platform.machine()}",
        "device": device,
        "workers": workers,
    }
