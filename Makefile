# Everything a person or a build machine runs. `make` alone lists it.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OUT := out
PIP = $(BIN)/python -m pip install -q --disable-pip-version-check $(PIP_OPTIONS)

.DEFAULT_GOAL := help
.PHONY: help demo lab test lint format docs bench smol recipe-flip clean

help: ## say what can be done
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.base ## ask two questions of the embedded suite; writes out/demo.html
	@$(BIN)/scalewise report smol --into $(OUT)/demo.html

lab: $(VENV)/.train ## train a small suite here (a few minutes), ask the same questions; writes out/lab.html
	@$(BIN)/scalewise train studies/lab.toml --into $(OUT)/lab --html $(OUT)/lab.html

test: $(VENV)/.test $(VENV)/.browser ## run all tests (installs PyTorch, and a browser where it can)
	@$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.test ## ruff and mypy --strict
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

format: $(VENV)/.test ## format the code
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

docs: $(VENV)/.base ## write what commands print now into the pages that show it
	@$(BIN)/python docs/refresh.py

bench: $(VENV)/.test ## print speed ratios, forecast scores and coverages (about half an hour)
	@$(BIN)/python bench/fit.py
	@$(BIN)/python bench/start.py
	@$(BIN)/python bench/extrapolate.py
	@$(BIN)/python bench/benchmark_laws.py
	@$(BIN)/python bench/cost.py
	@$(BIN)/python bench/designs.py 100
	@$(BIN)/python bench/surfaces.py
	@$(BIN)/python bench/compare.py 40
	@$(BIN)/python bench/consistency.py --worlds 100
	@$(BIN)/python bench/jackknife.py 100
	@$(BIN)/python bench/read.py

smol: $(VENV)/.train ## train the embedded suite again (about half an hour on two cores)
	@$(BIN)/scalewise train studies/smol.toml --into $(OUT)/smol --html $(OUT)/smol.html
	@$(BIN)/python studies/embed.py $(OUT)/smol

recipe-flip: $(VENV)/.train ## train the second embedded suite again (about a quarter of an hour on two cores)
	@$(BIN)/scalewise train studies/recipe-flip.toml --into $(OUT)/recipe-flip --html $(OUT)/recipe-flip.html
	@$(BIN)/python studies/embed.py $(OUT)/recipe-flip

clean: ## remove the environment and all output
	rm -rf $(VENV) $(OUT) .pytest_cache .mypy_cache .ruff_cache .hypothesis

# Environments: one folder, three depths; the deepest is filled at once. uv makes it and fills the first depth where
# there is uv; of PyTorch it would take the largest build, and pip takes the one that constraints.txt names.
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit("scalewise needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else 0'
	@rm -rf $(VENV)
	@if command -v uv >/dev/null; then uv venv -q --seed --python $(PYTHON) $(VENV); else $(PYTHON) -m venv $(VENV); fi
	@touch $@

$(VENV)/.base: $(VENV)/.made pyproject.toml
	@echo "installing scalewise into $(VENV)"
	@if command -v uv >/dev/null; then uv pip install -q --python $(BIN)/python -e .; \
	 else $(PIP) -e .; fi
	@touch $@

$(VENV)/.train: $(VENV)/.base constraints.txt
	@echo "installing PyTorch (the train extra)"
	@$(PIP) -c constraints.txt -e '.[train]'
	@touch $@

$(VENV)/.test: $(VENV)/.made pyproject.toml constraints.txt
	@echo "installing scalewise, PyTorch and what the tests need into $(VENV)"
	@$(PIP) -c constraints.txt -e '.[train,dev]'
	@touch $(VENV)/.base $(VENV)/.train $@

# The page is tested in Debian's chromium, and for accessibility with axe-core. Where one cannot be had this says so, and
# its tests skip.
$(VENV)/.browser: $(VENV)/.made
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  echo "installing chromium (apt-get)" && { apt-get update -q; \
	  apt-get install -y -q --no-install-recommends chromium; } >/dev/null 2>&1; } || \
	  echo "no chromium, and it cannot be installed from here: the page is not opened in a browser (apt-get install chromium)"
	@{ command -v npm >/dev/null && npm install --prefix $(VENV) --silent --no-fund --no-audit axe-core@4 >/dev/null 2>&1; } || \
	  echo "no axe-core, since npm is missing or cannot download: the page is not checked for accessibility"
	@touch $@
