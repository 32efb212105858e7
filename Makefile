# Everything a person needs: `make demo` and `make test`. Each sets up what it needs.
VENV ?= .venv
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := $(VENV)/bin
# Tests wait for hosts and processes, more than they compute. Each worker takes the next file: by their names, the
# slow areas come first. For one worker, and a debugger: `make test WORKERS=`.
WORKERS ?= --numprocesses=4 --dist=loadfile --no-loadscope-reorder --max-worker-restart=0
READY := $(VENV)/ready

# The tests start Ramify some hundred times: without bytecode each start would compile all modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test check fmt lint types floors bench clean
.DEFAULT_GOAL := help

help:  ## what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Ramify needs Python 3.11 or newer: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . $$($(BIN)/python tests/requirements.py)
	@touch $@

demo: $(READY)  ## the main job on the embedded lab: forty hosts, forty nodes
	$(BIN)/ramify demo

test: $(READY)  ## all that the build checks: tests, and beside them floors, style, types
	$(BIN)/python -m pytest $(WORKERS)

check: floors lint types  ## floors, style and types alone

fmt: $(READY)  ## format the code
	$(BIN)/ruff format engine tests
	$(BIN)/ruff check --fix-only --quiet engine tests

lint: $(READY)  ## style
	$(BIN)/ruff format --check engine tests
	$(BIN)/ruff check engine tests

types: $(READY)  ## mypy, strict
	$(BIN)/mypy

floors: $(READY)  ## imports run down only
	$(BIN)/lint-imports --no-logo

bench: $(READY)  ## speed, as ratios against a floor measured in the same run
	cd tests && PYTHONPATH=. ../$(BIN)/python -m bench

clean:  ## forget the virtual environment and all caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
