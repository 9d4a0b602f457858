"""M1 to M4 of the extrapolation benchmark: our formulas and the authors' estimators against the authors' code.

What their code gives is `reference_m1_m4.csv`; the estimators are those of `bench/benchmark_laws.py`.
"""

from types import ModuleType

import numpy as np
import pytest
from tests.conftest import BENCH, SHARED, module_at

FOLDER = SHARED / "extrapolation_benchmark"
NAMES = ("M1", "M2", "M3", "M4")
needs_curves = pytest.mark.skipif(
    not (FOLDER / "reference_m1_m4.csv").exists(), reason=f"needs the curves of Alabdulmohsin et al. 2022 in {FOLDER}"
)


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    return module_at(BENCH / "benchmark_laws.py")


@pytest.fixture(scope="module")
def curves(bench: ModuleType) -> list:
    return bench.read_curves(FOLDER / "curves.csv.gz")


@pytest.fixture(scope="module")
def reference(bench: ModuleType) -> dict[str, list]:
    return bench.read_reference(FOLDER / "reference_m1_m4.csv")


@pytest.fixture(scope="module")
def errors(bench: ModuleType, curves: list) -> dict[str, np.ndarray]:
    """RMSLE by the authors' estimators; about twenty seconds."""
    return bench.errors_of(bench.authors_estimates(curves), curves)


@needs_curves
@pytest.mark.parametrize("name", NAMES)
def test_our_formula_at_the_authors_parameters_gives_their_error(
    name: str, bench: ModuleType, curves: list, reference: dict[str, list]
) -> None:
    """To rounding; M4 once it is rounded to the grid of 10,000 losses on which they evaluate it."""
    for curve, (known, rmsle) in zip(curves, reference[name], strict=True):
        bound, theta = curve.bind(name), known.internal(name, curve)
        natural = [float(value[0]) for value in bound.natural(theta).values()]
        expected = {
            "M1": [known.beta, -known.c],
            "M2": [known.err_inf, known.beta, -known.c],
            "M3": [known.beta, known.c, known.gamma],
            "M4": [known.err_inf, known.err_0, known.beta, -known.c, known.alpha],
        }
        np.testing.assert_allclose(natural, expected[name], rtol=1e-11)
        assert curve.rmsle(known.predict(name, curve)) == pytest.approx(rmsle, abs=1e-12)
        exact = curve.rmsle(bound.predict(theta, curve.x_new[:, None])[0])
        assert exact == pytest.approx(rmsle, abs=1e-4 if name == "M4" else 1e-12)


@needs_curves
@pytest.mark.parametrize(
    ("name", "parameter", "outside", "change"),
    [("M1", None, 0, 0.0), ("M2", 0, 38, 2e-6), ("M3", 2, 16, 1e-9), ("M4", 4, 11, 2e-4)],
)
def test_what_our_bounds_leave_out_hardly_matters(
    name: str, parameter: int | None, outside: int, change: float, curves: list, reference: dict[str, list]
) -> None:
    """Where the authors have E, gamma or alpha = 0 we have nearly 0; `change` bounds the log of the prediction."""
    found = 0
    for curve, (known, _) in zip(curves, reference[name], strict=True):
        bound, theta = curve.bind(name), known.internal(name, curve)
        inside = np.clip(theta, *bound.bounds)
        moved = np.flatnonzero(inside != theta)
        assert set(moved) <= {parameter}
        found += moved.size
        ratio = bound.predict(inside, curve.x_new[:, None]) / bound.predict(theta, curve.x_new[:, None])
        assert np.abs(np.log(ratio)).max() <= change
    assert found == outside


@needs_curves
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_our_fit_is_at_least_as_close_to_the_points(
    name: str, bench: ModuleType, curves: list, reference: dict[str, list]
) -> None:
    """By the squares of log y, which ours minimises; the authors' minimise other errors, except for M1 and M3."""
    for curve, (known, _) in zip(curves, reference[name], strict=True):
        bound, x, log_y = curve.bind(name), curve.x[:, None], np.log(curve.y)
        ours, theirs = (
            np.sum((bound.value_in("log", theta, x) - log_y) ** 2)
            for theta in (bench.our_fit(name, curve), np.clip(known.internal(name, curve), *bound.bounds))
        )
        assert ours <= theirs * (1 + 1e-9)


@needs_curves
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_authors_estimators_give_their_errors(
    name: str, errors: dict[str, np.ndarray], reference: dict[str, list]
) -> None:
    """All 60 curves: M1 and M3 to 1e-9; M2 and M4, whose steps on the levels are not the authors' own, to 1e-6."""
    known = [rmsle for _, rmsle in reference[name]]
    np.testing.assert_allclose(errors[name], known, rtol=0, atol=1e-9 if name in ("M1", "M3") else 1e-6)


@needs_curves
@pytest.mark.slow
@pytest.mark.parametrize(
    ("domain", "decimals", "medians"),
    [
        ("IC", 3, (0.091, 0.075, 0.051, 0.033)),
        ("NMT", 3, (0.252, 0.038, 0.033, 0.021)),
        ("LM", 4, (0.0155, 0.0015, 0.0040, 0.0013)),
        ("BB", 4, (0.0132, 0.0132, 0.0132, 0.0071)),
    ],
)
def test_medians(
    domain: str, decimals: int, medians: tuple[float, ...], curves: list, errors: dict[str, np.ndarray]
) -> None:
    mine = [c.domain == domain for c in curves]
    assert tuple(round(float(np.median(errors[name][mine])), decimals) for name in NAMES) == medians


@needs_curves
@pytest.mark.slow
@pytest.mark.parametrize(
    ("images", "rates"), [(True, (0.019, 0.123, 0.227, 0.630)), (False, (0.0, 0.083, 0.292, 0.625))]
)
def test_win_rates(
    images: bool, rates: tuple[float, ...], bench: ModuleType, curves: list, errors: dict[str, np.ndarray]
) -> None:
    mine = [(c.domain == "IC") == images for c in curves]
    found = bench.win_rates({name: errors[name][mine] for name in NAMES})
    assert tuple(round(found[name], 3) for name in NAMES) == rates


def test_errors_equal_to_three_decimals_share_the_win_and_a_failed_fit_loses(bench: ModuleType) -> None:
    errors = {"a": np.array([0.0101, 0.02]), "b": np.array([0.0109, 0.019]), "c": np.array([np.nan, 0.5])}
    assert bench.win_rates(errors) == {"a": 0.25, "b": 0.75, "c": 0.0}
