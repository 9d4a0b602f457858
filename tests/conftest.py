"""What all tests share: the public data beside the repository, and small worlds whose truth is known."""

import importlib.util
from collections import Counter
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest

ROOT = Path(__file__).resolve().parents[1]
BENCH = ROOT / "bench"
SHARED = ROOT.parent / "shared" / "data"


def module_at(path: Path) -> ModuleType:
    """A program that is in no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first, then those with many tests: cores that share the files (`make test`)
    then end at about the same time."""
    tests = Counter(item.path for item in items)
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: (-slow[item.path], -tests[item.path]))  # stable: a file's tests stay together


@pytest.fixture
def shared(request: pytest.FixtureRequest) -> Path:
    """The folder of public data sets; a test that needs it says plainly why it skips."""
    if not SHARED.is_dir():
        pytest.skip("the public data sets (../shared/data) are not beside this checkout")
    return SHARED


@pytest.fixture
def chinchilla(shared: Path) -> pl.DataFrame:
    """The 245 points that Besiroglu et al. 2024 read off Hoffmann et al. 2022, figure 4."""
    return pl.read_csv(shared / "chinchilla_epoch" / "runs.csv")


@pytest.fixture
def llama(shared: Path) -> pl.DataFrame:
    """LLaMA 1: training curves on GPU-hours (each model's published total, spread evenly over its tokens)."""
    curves = pl.read_csv(shared / "llama_curves" / "curves.csv.gz").filter(pl.col("family") == "llama1")
    models = pl.read_csv(shared / "llama_curves" / "runs.csv").filter(pl.col("family") == "llama1")
    tokens = pl.col("tokens_e9_from_axis") * 1e9
    return curves.join(models, on="model").select(
        pl.col("model").alias("run"),
        pl.col("params_nominal").alias("params"),
        tokens.alias("tokens"),
        (tokens / tokens.max().over("model") * pl.col("gpu_hours_a100")).alias("gpu_hours"),
        "loss",
    )


TRUTH = {"E": 1.7, "A": 400.0, "alpha": 0.35, "B": 1500.0, "beta": 0.38}


def known_loss(params: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    return TRUTH["E"] + TRUTH["A"] / params ** TRUTH["alpha"] + TRUTH["B"] / tokens ** TRUTH["beta"]


@pytest.fixture
def known_world() -> pl.DataFrame:
    """Six sizes at five budgets, three seeds, 6ND compute, losses from a known law with 0.3 % noise."""
    sizes = np.geomspace(1e7, 1e9, 6)
    budgets = np.geomspace(1e18, 1e20, 5)
    params, flops, seed = (a.ravel() for a in np.meshgrid(sizes, budgets, np.arange(3), indexing="ij"))
    tokens = flops / (6 * params)
    noise = np.exp(np.random.default_rng(7).normal(0, 0.003, params.size))
    return pl.DataFrame(
        {
            "run": [f"r{i}" for i in range(params.size)],
            "params": params,
            "tokens": tokens,
            "flops": flops,
            "seed": seed.astype(int),
            "loss": known_loss(params, tokens) * noise,
        }
    )
