# Two commands do everything on a machine with Python 3.11 or later and make: `make demo`, `make test`.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
TRAINERS ?= .venv-trainers
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help demo run test test-services check format bench trainers view clean

help:  ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.ready  ## Documents to dataset with the embedded model, then a look at it
	$(BIN)/synth demo $(ARGS)

test: $(VENV)/.ready-dev  ## All tests, in as many processes as there are processors
	$(BIN)/pytest -n auto --maxprocesses 8 -m "not services" $(ARGS)

test-services: $(VENV)/.ready-services  ## Tests with PostgreSQL, clusters, an object store; what is not there is skipped
	$(BIN)/pytest -n auto --maxprocesses 2 -m services -rs tests/services $(ARGS)

check: $(VENV)/.ready-dev  ## Lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.ready-dev  ## Format and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.ready-dev  ## Measure cost and memory of each stage
	$(BIN)/python -m benchmarks $(ARGS)

trainers: $(VENV)/.ready-dev $(TRAINERS)/.ready  ## Load exports by TRL's and verl's own code (installs gigabytes)
	rm -rf build/trainers && mkdir -p build/trainers
	$(BIN)/python -m tests.trainers.make build/trainers
	$(TRAINERS)/bin/python tests/trainers/check.py build/trainers 2> build/trainers/log

view: $(VENV)/.ready  ## Open the newest run in the viewer
	$(BIN)/synth view "$$(ls -td data/runs/*/ | head -n 1)" $(ARGS)

clean:  ## Remove the environment and caches, never data
	rm -rf $(VENV) $(TRAINERS) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "synth needs Python 3.11 or later; name one: make PYTHON=python3.12 …"; exit 2; }
	$(PYTHON) -m venv $(VENV)

# Packages of their own: TRL and verl need other versions than synth.
$(TRAINERS)/.ready: tests/trainers/requirements.txt
	$(PYTHON) -m venv $(TRAINERS)
	$(TRAINERS)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

$(VENV)/.ready: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.ready-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.ready

$(VENV)/.ready-services: $(VENV)/.ready-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,services]'
	@touch $@
