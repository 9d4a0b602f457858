"""PyPI's `simple-scaling-laws`, as a process of its own: its fit of the same law and its own bootstrap.

Its problem is easier than ours: weighted least squares of the loss itself, smooth, where ours is a Huber loss of log
residuals with nine points of ten outside the quadratic zone. It finds the point estimate from a grid of exponents, and
refits with SciPy's trust-region least squares, from that estimate, to the fit plus its residuals with random signs and
sizes (a wild bootstrap). One run per configuration, as here, gives every point the same weight.
"""

import time
from importlib.metadata import version
from typing import Any

import polars as pl
from simple_scaling_laws import fit  # type: ignore[import-not-found,import-untyped,unused-ignore]

from peers.lines import Message, answer


def prepare(first: Message) -> tuple[Message, Any]:
    table = pl.DataFrame(
        {
            "training_run_id": [str(i) for i in range(len(first["y"]))],
            "model_size__params": [row[0] for row in first["x"]],
            "dataset_size__tokens": [row[1] for row in first["x"]],
            "test_loss__nats": first["y"],
        }
    )

    def work(asked: Message) -> Message:
        started = time.perf_counter()
        model = fit(table, law="separable-power", n_draws=asked["draws"], seed=asked["seed"])
        seconds = time.perf_counter() - started
        drawn = len(model.draws["test_loss__nats"].params)
        if drawn != asked["draws"]:
            raise RuntimeError(f"{drawn} draws instead of {asked['draws']}")
        return {"seconds": seconds}

    return {"name": f"simple-scaling-laws {version('simple-scaling-laws')}"}, work


if __name__ == "__main__":
    answer(prepare)
