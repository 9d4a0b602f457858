"""The drift: it follows a straight line and a bend, its one pass serves all origins, and its draws are what it says."""

import numpy as np
import pytest

from scalewise.laws import extrapolate
from scalewise.laws.drift import FADES, MOST_X, SLOPE_VARIANCES, fit_drift
from scalewise.laws.extrapolate import DRIFT_SHARE
from scalewise.laws.paths import sample_paths

Z = np.linspace(0, 5, 60)
ALL = np.ones((1, Z.size), dtype=bool)


def test_a_straight_line_goes_on_and_fades() -> None:
    drift = fit_drift(Z, 1 - 0.2 * Z, ALL)
    assert drift is not None
    ahead = np.array([1.0, 3.0])
    fades = np.array(FADES)[:, None]
    np.testing.assert_allclose(drift.continued(5 + ahead)[:, 0], -0.2 * fades * -np.expm1(-ahead / fades), rtol=0.15)


def test_it_follows_the_end_and_not_the_whole() -> None:
    """A curve that bends just before its end: the last slope counts."""
    bent = np.where(Z < 4, 0.0, -0.5 * (Z - 4)) + np.random.default_rng(0).normal(0, 0.005, Z.size)
    drift = fit_drift(Z, bent, ALL)
    assert drift is not None
    found = drift.continued(np.array([5.2]))[:, 0, 0]
    assert (np.abs(found - -0.6) < 0.05).all()


def test_what_it_did_long_ago_says_little_of_how_it_drifts_now() -> None:
    """Wild and then straight: the end's slope counts as it would after a start that was straight too."""
    rng = np.random.default_rng(0)
    straight = -0.2 * Z + rng.normal(0, 0.002, Z.size)
    wild = straight + np.where(Z < 2, rng.normal(0, 0.2, Z.size), 0.0)
    found = []
    for curve in (straight, wild):
        drift = fit_drift(Z, curve, ALL)
        assert drift is not None
        found.append(drift.continued(np.array([6.0]))[:, 0, 0])
    np.testing.assert_allclose(found[0], found[1], atol=0.01)


def test_one_pass_is_a_fit_from_every_origin() -> None:
    noisy = np.cos(Z) + np.random.default_rng(1).normal(0, 0.05, Z.size)
    origins = np.array([Z < 9, Z < 4, Z < 3])
    together = fit_drift(Z, noisy, origins)
    assert together is not None
    for k, seen in enumerate(origins):
        alone = fit_drift(Z[seen], noisy[seen], ALL[:, seen])
        assert alone is not None
        np.testing.assert_allclose(together.continued(Z + 5)[:, k], alone.continued(Z + 5)[:, 0], rtol=1e-9)


def test_the_order_of_repeats_at_one_x_does_not_matter() -> None:
    rng = np.random.default_rng(2)
    repeated = np.cos(Z)[:, None] + rng.normal(0, 0.05, (Z.size, 3))
    every = np.ones((1, 3 * Z.size), dtype=bool)
    one, other = (fit_drift(np.repeat(Z, 3), r.ravel(), every) for r in (repeated, rng.permuted(repeated, axis=1)))
    assert one is not None
    assert other is not None
    assert one.z.size == Z.size
    np.testing.assert_allclose(one.continued(Z + 5), other.continued(Z + 5), rtol=1e-9)


def test_long_curves_are_followed_in_steps_that_no_origin_sees_across() -> None:
    z = np.linspace(0, 5, 20_000)
    noisy = np.cos(z) + np.random.default_rng(3).normal(0, 0.05, z.size)
    origins = np.array([z < 9, z < 3.001, z < 2.999])
    drift = fit_drift(z, noisy, origins)
    assert drift is not None
    assert drift.z.size <= MOST_X + 3
    ends = drift.z[drift.at]
    assert ends[1] < 3.001
    assert ends[2] < 2.999
    np.testing.assert_allclose(drift.continued(np.array([5.1])).mean(axis=0)[0], np.cos(5.1), atol=0.1)


def test_draws_have_the_mean_of_the_forecast_and_pass_where_the_data_are() -> None:
    noisy = np.cos(Z) + np.random.default_rng(4).normal(0, 0.05, Z.size)
    drift = fit_drift(Z, noisy, ALL)
    assert drift is not None
    rng = np.random.default_rng(5)
    for fade, mean in enumerate(drift.continued(np.array([5.5, 7.0]))[:, 0]):
        paths = np.zeros(len(FADES), dtype=int)
        paths[fade] = 4000
        drawn = drift.draw(np.append(Z, [5.5, 7.0]), paths, rng)
        error = drawn[:, -2:].std(axis=0) / np.sqrt(4000)
        assert (np.abs(drawn[:, -2:].mean(axis=0) - mean) < 5 * error).all()
        # smoothed: nearer to the truth than the observations are
        assert np.std(drawn[:, 5:-7].mean(axis=0) - np.cos(Z[5:-5])) < 0.04


def test_draws_are_the_smoothed_states() -> None:
    """Against Gaussian conditioning with the whole covariance matrix of the same model, written out."""
    z = np.array([0.0, 0.3, 0.5, 1.1, 1.2, 2.0])
    observed = np.array([1.0, 0.8, 0.9, 0.5, 0.55, 0.2])
    drift = fit_drift(z, observed, np.ones((1, 6), dtype=bool))
    assert drift is not None
    model = 4
    fade, slope_variance = FADES[0], SLOPE_VARIANCES[4]
    # states from a start nobody knows, as sums of it and of the noises of each step
    maps, noises = [np.eye(2)], [np.zeros((2, 2))]
    cross = np.zeros((6, 6, 2, 2))
    for i, gap in enumerate(np.diff(z)):
        step = np.array([[1, fade * -np.expm1(-gap / fade)], [0, np.exp(-gap / fade)]])
        own = np.array(
            [
                [slope_variance * gap**3 / 3, slope_variance * gap**2 / 2],
                [slope_variance * gap**2 / 2, slope_variance * gap],
            ]
        )
        for j in range(i + 1):
            cross[i + 1, j] = step @ cross[i, j]
            cross[j, i + 1] = cross[i + 1, j].T
        cross[i + 1, i + 1] = step @ cross[i, i] @ step.T + own
        maps.append(step @ maps[-1])
        noises.append(own)
    unknown = np.array([m[0] for m in maps])
    levels = cross[:, :, 0, 0]
    precision = np.linalg.inv(levels + np.eye(6))
    start = np.linalg.solve(unknown.T @ precision @ unknown, unknown.T @ precision @ observed)
    smoothed = unknown @ start + levels @ precision @ (observed - unknown @ start)
    drawn = drift._sample(np.full(40_000, model), np.random.default_rng(6))
    np.testing.assert_allclose(drawn[:, :, 0].mean(axis=1), smoothed, atol=0.02)
    np.testing.assert_allclose(drift.states[-1, model, 0], smoothed[-1], atol=0.02)


def test_a_forecast_counts_it_by_its_backtests() -> None:
    x = np.geomspace(1e3, 1e6, 40)
    noise = np.random.default_rng(1).normal(0, 1, 40)
    lawful = extrapolate(x, (1 + 8 * x**-0.3) * np.exp(1e-4 * noise), [1e7])
    wandering = extrapolate(x, np.exp(np.cumsum(0.05 * noise - 0.02)), [1e7])
    assert lawful.weights["drift"] < 0.6 < DRIFT_SHARE < wandering.weights["drift"]
    assert "drift" not in extrapolate(x, 0.9 - x**-0.3, [2e6], direction="up").weights
    assert "drift" in extrapolate(x[:4], 8 * x[:4] ** -0.3, [2e6]).left_out


def test_paths_of_the_drift_are_among_those_of_a_forecast() -> None:
    x = np.geomspace(1e3, 1e6, 40)
    y = np.exp(np.cumsum(np.random.default_rng(0).normal(-0.02, 0.05, 40)))
    forecast = extrapolate(x, y, [1.0001e6])
    paths = sample_paths(forecast, [1e5, 1.0001e6], count=400)
    assert paths.values.shape == (400, 2)
    assert np.isfinite(paths.values).all()
    assert (paths.limits >= 0).all()
    assert float(np.median(paths.values[:, 1])) == pytest.approx(float(forecast.median[0]), rel=0.05)
