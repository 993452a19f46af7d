# Everything that is run on this project. `make` alone lists it.
# Needs make and Python 3.11 to 3.13, nothing else; what is installed goes into .venv, pinned by requirements.lock.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup demo demo-small test test-engines test-models test-all lint format types bench bench-small bench-healthy bench-nannyml bench-tables benchmark benchmark-document bench-factors bench-investigation bench-workers new-cause docs lock clean

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CAUSE ?= data.unit-change
SEED ?= 0
ROWS ?= 100000,1000000
OPTIONS ?=

# One thread a process: what is measured does not depend on how many cores are idle.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

help: ## list what can be run
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-20s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## make .venv and install ruleout with everything it needs

$(STAMP): requirements.lock pyproject.toml
	@python=""; \
	for name in python3.13 python3.12 python3.11 python3; do \
	  if $$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "make setup: no Python 3.11, 3.12 or 3.13 found (looked for python3.13, python3.12, python3.11, python3); install one of them." >&2; exit 1; \
	fi; \
	echo "using $$($$python --version) in $(VENV)"; \
	$$python -m venv --clear $(VENV) || { \
	  echo "make setup: $$python cannot make a virtual environment; install its venv module (on Debian: apt-get install python3-venv)." >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $(STAMP)

demo: $(STAMP) ## break a real pipeline in one way and find out which (CAUSE=data.unit-change SEED=0)
	@$(BIN)/ruleout demo --cause $(CAUSE) --seed $(SEED) || test $$? -eq 1

demo-small: $(STAMP) ## the same, the conclusion alone
	@$(BIN)/ruleout demo --cause $(CAUSE) --seed $(SEED) --quiet || test $$? -eq 1

test: $(STAMP) ## run the tests, less those that take more than ten seconds each
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-engines: $(STAMP) ## install PySpark and Dask and run the tests on real clusters of two workers (Spark needs Java 17)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-engines.lock \
	  || echo "PySpark and Dask could not be installed: the tests on what is not here are skipped."
	$(BIN)/python -m pytest -p no:xdist tests/tables/test_clusters.py tests/runs/test_clusters.py

test-models: $(STAMP) ## install CatBoost, PyTorch and MLflow and run the tests on artifacts, theirs among them
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --requirement requirements-models.lock \
	  || echo "Not all of CatBoost, PyTorch and MLflow could be installed: the tests on what is not here are skipped."
	$(BIN)/python -m pytest -p no:xdist tests/models

test-all: $(STAMP) ## run every test
	$(BIN)/python -m pytest -n 2

lint: $(STAMP) ## check style and layout
	$(BIN)/ruff check src tests examples benchmarks
	$(BIN)/ruff format --check src tests examples benchmarks

format: $(STAMP) ## lay the code out, and mend what can be mended by itself
	$(BIN)/ruff check --fix src tests examples benchmarks
	$(BIN)/ruff format src tests examples benchmarks

types: $(STAMP) ## check types, strictly
	$(BIN)/mypy

bench: $(STAMP) ## faults x data sets x seeds through the whole walk, beside naive baselines
	$(BIN)/python -m ruleout.bench

bench-small: $(STAMP) ## a small part of it
	$(BIN)/python -m ruleout.bench --small

bench-nannyml: $(STAMP) ## two real pairs of logs that NannyML ships: harmless drift, and drift that does harm
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --ignore-requires-python --upgrade --target $(VENV)/nannyml nannyml==0.13.1
	PYTHONPATH=$(VENV)/nannyml $(BIN)/python -m ruleout.bench.real_pairs

benchmark: $(STAMP) ## ruleout, its peers and the floor side by side, and an investigation: seconds, memory (ROWS=100000,1000000 LARGE=1)
	$(BIN)/python -m benchmarks.run --rows $(ROWS) $(if $(LARGE),--large) $(OPTIONS)
	$(BIN)/python -m benchmarks.document

benchmark-document: $(STAMP) ## write docs/benchmarks.md and its plot from the results of the last run
	$(BIN)/python -m benchmarks.document

bench-factors: $(STAMP) ## black-box factors: ruleout and mlbisect over the same simulated regressions (TRIALS=200)
	$(BIN)/python -m benchmarks.factors --trials $(or $(TRIALS),200)

bench-investigation: $(STAMP) ## what a whole investigation costs: growth over rows, columns and causes
	$(BIN)/python -m benchmarks.investigation

bench-workers: $(STAMP) ## a black box of runs that sleep, with one, two and four workers: seconds
	$(BIN)/python -m benchmarks.workers

new-cause: $(STAMP) ## begin a new cause: its page, fault, test and row in the vocabulary (ID=data.something)
	@test -n "$(ID)" || { echo "make new-cause: say which, as in make new-cause ID=data.something" >&2; exit 2; }
	@$(BIN)/python -m ruleout.testing.new_cause $(ID)

bench-healthy: $(STAMP) ## 200 healthy pairs, real harmless drift among them: on how many is something said to be wrong?
	$(BIN)/python -m ruleout.bench.healthy

bench-tables: $(STAMP) ## 510 healthy pairs of real tables: on how many does `ruleout compare` say that something moved?
	$(BIN)/python benchmarks/healthy_tables.py

docs: $(STAMP) ## write the handbook, a page for every cause, into docs/handbook
	$(BIN)/python -m ruleout.report.handbook_pages docs/handbook

lock: $(STAMP) ## resolve requirements.lock, requirements-engines.lock and requirements-models.lock again (needs uv)
	uv pip compile --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url --quiet \
	  --extra demo --extra bench --extra dev --extra tensorboard --extra remote --extra databases pyproject.toml --output-file requirements.lock
	uv pip compile --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url --quiet \
	  --constraint requirements.lock --extra spark --extra dask pyproject.toml --output-file requirements-engines.lock
	grep -vxFf requirements.lock requirements-engines.lock > requirements-engines.tmp && mv requirements-engines.tmp requirements-engines.lock
	uv pip compile --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url --no-deps --quiet \
	  --extra catboost --extra torch --extra mlflow pyproject.toml --output-file requirements-models.lock
	grep -E '^(catboost|torch|mlflow-skinny)==' requirements-models.lock > requirements-models.tmp && mv requirements-models.tmp requirements-models.lock

clean: ## take away what was made, .venv included
	rm -rf $(VENV) .benchmark .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist demo-case docs/handbook src/*.egg-info
	find src tests -type d -name __pycache__ -prune -exec rm -rf {} +
