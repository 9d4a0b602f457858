"""Imports run one way along the road, and the light commands stay light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "scalewise"

MAY_IMPORT = {
    "errors": set(),
    "version": set(),
    "runs": {"errors"},
    "laws": set(),
    "checks": {"runs", "laws"},
    "questions": {"runs", "laws", "checks", "errors", "version"},
    "report": {"questions", "errors", "runs", "laws"},
    "lab": {"runs", "errors", "version"},
    "web": {"runs", "laws", "questions", "report", "lab", "errors", "version"},
    "publish": {"lab", "runs", "questions", "report", "errors", "version"},
    "probes": {"runs", "lab", "errors"},
}
"""The road, as docs/extending.md draws it. `questions` may also reach `report` from inside a method of Answer."""

HEAVY = ("torch", "scipy", "polars", "vl_convert", "numpy", "pydantic", "jinja2", "starlette", "uvicorn")


def imports_of(path: Path, top_level_only: bool) -> set[str]:
    """Packages of ours that a file imports."""
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    names = []
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return {name.split(".")[1] for name in names if name.startswith("scalewise.")}


def wrong_imports(package: str, allowed: set[str], root: Path = PACKAGE) -> list[str]:
    files = sorted((root / package).rglob("*.py")) or [root / f"{package}.py"]
    wrong = []
    for path in files:
        lazily_allowed = {"report"} if path.name == "answer.py" else set()
        backward = imports_of(path, top_level_only=False) - allowed - lazily_allowed - {package}
        wrong += [f"{path.relative_to(root)} imports {name}" for name in sorted(backward)]
        if "report" in imports_of(path, top_level_only=True) and package == "questions":
            wrong.append(f"{path.relative_to(root)} imports report when it is loaded")
    return wrong


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_run_one_way(package: str) -> None:
    assert wrong_imports(package, MAY_IMPORT[package]) == []


def test_a_backward_import_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "laws").mkdir()
    (tmp_path / "laws" / "bad.py").write_text("def f():\n    from scalewise.questions import ask\n")
    assert wrong_imports("laws", MAY_IMPORT["laws"], tmp_path) == ["laws/bad.py imports questions"]


def test_every_package_has_its_place_on_the_road() -> None:
    present = {p.name.removesuffix(".py") for p in PACKAGE.iterdir() if not p.name.startswith("_")} - {
        "cli",
        "py.typed",
    }
    assert present == set(MAY_IMPORT)


def loaded_by(statement: str) -> set[str]:
    """Heavy modules that a fresh process has loaded after a statement."""
    code = f"{statement}\nimport sys\nprint(' '.join(m for m in {HEAVY!r} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split()) if done.stdout.strip() else set()


def test_importing_scalewise_loads_nothing_heavy() -> None:
    assert loaded_by("import scalewise") == set()


def test_help_loads_nothing_heavy() -> None:
    statement = "import sys\nsys.argv = ['scalewise', '--help']\nfrom scalewise.cli import main\n"
    statement += "try:\n    main()\nexcept SystemExit:\n    pass"
    assert loaded_by(statement) == set()


def test_the_lightness_test_can_fail() -> None:
    assert loaded_by("import scalewise; scalewise.fit_law") >= {"numpy"}


def test_asking_needs_no_torch() -> None:
    statement = "import scalewise as sw; sw.ask('model-size', 'smol', resamples=20)"
    assert "torch" not in loaded_by(statement)
