"""The lowest point of a curve: exact constructions and published exponents."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from scalewise.laws.valley import Method, find_valley, power_line


@pytest.mark.parametrize("method", ["parabola", "akima", "cubic"])
def test_a_symmetric_valley_is_found(method: Method) -> None:
    x = np.geomspace(1, 1e4, 9)
    valley = find_valley(x, 2 + 0.1 * (np.log(x) - np.log(100)) ** 2, method)
    assert valley is not None
    assert valley.x == pytest.approx(100, rel=0.01)


@pytest.mark.parametrize("method", ["parabola", "akima", "cubic"])
def test_a_slope_has_no_valley(method: Method) -> None:
    x = np.geomspace(1, 1e4, 9)
    assert find_valley(x, 5 - 0.1 * np.log(x), method) is None
    assert find_valley(x[:3], np.array([2.0, 1.0, 2.0]), method) is None


def test_a_power_line_is_recovered() -> None:
    c = np.geomspace(1e18, 1e21, 7)
    line = power_line(c, 0.3 * c**0.5)
    assert line is not None
    assert line.exponent.value == pytest.approx(0.5)
    assert line.exponent.low == pytest.approx(0.5)
    assert line.at(1e23).value == pytest.approx(0.3 * 1e23**0.5)
    assert power_line(c[:2], c[:2]) is None


def exponent(points: pl.DataFrame, budget: str, method: Method) -> float:
    found = []
    for (flops,), runs in points.group_by([budget], maintain_order=True):
        valley = find_valley(runs["params"].to_numpy().astype(float), runs["loss"].to_numpy(), method)
        if valley:
            found.append((float(flops), valley.x))
    c, optima = np.array(found).T
    line = power_line(c, optima)
    assert line is not None
    return line.exponent.value


PORIAN = [
    ("1 reproduce Kaplan", "rw", 0.8338),
    ("2 count last layer", "rw", 0.7009),
    ("3 correct warmup", "rw", 0.6035),
    ("4 cosine decay", "rw", 0.5714),
    ("5 optimizer tuning, no decay", "rw", 0.4970),
    ("5 optimizer tuning, no decay", "owt2", 0.5184),
]


@pytest.mark.parametrize(("step", "dataset", "published"), PORIAN)
def test_exponents_of_porian_et_al(shared: Path, step: str, dataset: str, published: float) -> None:
    """Their unweighted fits (arXiv 2406.19146): the five steps from Kaplan's exponent to Chinchilla's."""
    points = pl.read_csv(shared / "porian_isoflop" / "isoflop_points.csv")
    chosen = points.filter((pl.col("step") == step) & (pl.col("dataset") == dataset))
    assert exponent(chosen, "flops", "akima") == pytest.approx(published, abs=0.003)


COLLECTION = [
    ("epochai_chinchilla__massivetext__chinchilla", 0.492),
    ("ml_scalefit__massivetext__chinchilla", 0.511),
    ("marin_202603__comma__llama_2", 0.405),
    ("marin_202603__dclm__llama_2", 0.424),
    ("marin_202603__nemotron__llama_2", 0.422),
    ("misfitting__fineweb_c4__transformer", 0.481),
]


@pytest.mark.parametrize(("experiment", "published"), COLLECTION)
def test_exponents_of_the_isoflop_collection(shared: Path, experiment: str, published: float) -> None:
    """A parabola in log N per budget, then a line through the interior minima."""
    points = pl.read_csv(shared / "isoflop_collection" / "isoflops.csv")
    assert exponent(points.filter(pl.col("experiment") == experiment), "flops_budget", "parabola") == pytest.approx(
        published, abs=0.0006
    )


def test_the_interval_of_an_exponent_covers_it_even_from_three_budgets() -> None:
    """A t interval of a straight line: 95 % in 400 simulations, between 91 and 98 %."""
    c = np.geomspace(1e18, 1e20, 3)
    covered = 0
    for seed in range(400):
        optima = 0.3 * c**0.5 * np.exp(np.random.default_rng(seed).normal(0, 0.2, 3))
        line = power_line(c, optima)
        assert line is not None
        covered += line.exponent.low <= 0.5 <= line.exponent.high
    assert 0.91 <= covered / 400 <= 0.98
