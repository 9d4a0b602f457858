"""The winner's curse: of gains that were kept because they looked good, part is luck. Shrinking takes it off."""

import numpy as np

from scalewise.questions.gains.scale import Floats

ROUNDS = 300
"""Of expectation maximisation; the weights have long settled."""
FINEST = 0.25
"""The smallest prior spread tried, in units of the smallest standard error."""
FEWEST = 4
"""Changes; fewer say nothing about how gains are spread."""


def shrunk(gains: Floats, errors: Floats, about_zero: bool) -> Floats:
    """Posterior means (gains,) under a prior that the gains themselves show (empirical Bayes).

    The prior is a mixture of normals of many spreads about one centre (Stephens 2017), so that a few large gains do
    not shield many small ones. The centre is the mean of the gains; or zero for gains that were selected before they
    were seen, in which case half of all that was tried is taken to have done harm. As in Morris 1983 no gain is shrunk
    all the way: the centre and the spread were estimated too.
    """
    count = gains.size
    if count < FEWEST or not (errors > 0).all():
        return gains.copy()
    centre = 0.0 if about_zero else float(np.average(gains, weights=errors**-2.0))
    away = gains - centre
    widest = max(float(np.abs(away).max()), 2 * FINEST * float(errors.min()))
    finest = FINEST * float(errors.min())
    steps = int(np.ceil(2 * np.log2(2 * widest / finest)))
    spreads = np.concatenate([[0.0], np.geomspace(finest, 2 * widest, max(2, steps))])
    variance = spreads**2 + errors[:, None] ** 2
    density = -0.5 * (np.log(variance) + away[:, None] ** 2 / variance)
    likely = np.exp(density - density.max(axis=1, keepdims=True))
    weights = np.full(spreads.size, 1.0 / spreads.size)
    for _ in range(ROUNDS):
        shares = likely * weights
        shares /= shares.sum(axis=1, keepdims=True)
        weights = shares.mean(axis=0)
    off = np.sum(shares * errors[:, None] ** 2 / variance, axis=1)
    lost = 2 if about_zero else 3
    off *= (count - lost) / (count - lost + 2)
    return np.asarray(gains - off * away)
