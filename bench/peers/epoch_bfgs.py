"""Epoch's published bootstrap of Chinchilla's law, as a process of its own (Besiroglu et al. 2024, arXiv 2404.10102).

Their notebook (epoch-research/analyzing-chinchilla) minimises, for every resample, the sum of Huber losses (delta 1e-3)
of log residuals of log(exp(a - alpha log N) + exp(b - beta log D) + exp(e)) with SciPy's BFGS at its defaults and the
gradient of the `autograd` package, from the parameters that Hoffmann et al. 2022 published. Written anew from these
facts.
"""

import time
from importlib.metadata import version
from typing import Any

import autograd.numpy as anp  # type: ignore[import-not-found,import-untyped,unused-ignore]
import numpy as np
from autograd import grad  # type: ignore[import-not-found,import-untyped,unused-ignore]
from scipy.optimize import minimize

from peers.lines import Message, answer

DELTA = 1e-3
HOFFMANN = np.array([6.0073404, 6.0179186, 0.5267228, 0.33917084, 0.2849083])
"""a, b, e, alpha, beta: log 406.4, log 410.7, log 1.69, .34 and .28 before rounding."""


def objective(theta: Any, params: Any, tokens: Any, loss: Any) -> Any:
    a, b, e, alpha, beta = theta
    law = anp.log(anp.exp(a - alpha * anp.log(params)) + anp.exp(b - beta * anp.log(tokens)) + anp.exp(e))
    residual = anp.log(loss) - law
    size = anp.abs(residual)
    return anp.sum(anp.where(size <= DELTA, 0.5 * residual**2, DELTA * (size - 0.5 * DELTA)))


def prepare(first: Message) -> tuple[Message, Any]:
    params, tokens = np.array(first["x"]).T
    loss = np.array(first["y"])
    gradient = grad(objective)

    def work(asked: Message) -> Message:
        """Refit the resamples whose weights (how often each point was drawn) are asked for."""
        drawn = [np.repeat(np.arange(loss.size), counts) for counts in asked["weights"]]
        started = time.perf_counter()
        found = [
            minimize(objective, HOFFMANN, (params[rows], tokens[rows], loss[rows]), method="BFGS", jac=gradient)
            for rows in drawn
        ]
        return {"seconds": time.perf_counter() - started, "objective": [float(f.fun) for f in found]}

    return {"name": f"autograd {version('autograd')}"}, work


if __name__ == "__main__":
    np.seterr(all="ignore")
    answer(prepare)
