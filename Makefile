# Everything a person needs: `make demo` and `make test`. Each sets up what it needs.
VENV ?= .venv
PYTHON ?= python3.11
BIN := $(VENV)/bin

.PHONY: help demo test check fmt lint types floors bench clean
.DEFAULT_GOAL := help

help:  ## what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(BIN)/ramify: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable . $$($(BIN)/python tests/requirements.py)
	@touch $@

fmt: $(BIN)/ramify  ## format the code
	$(BIN)/ruff format engine tests
	$(BIN)/ruff check --fix-only --quiet engine tests

lint: $(BIN)/ramify  ## style
	$(BIN)/ruff format --check engine tests
	$(BIN)/ruff check engine tests

types: $(BIN)/ramify  ## mypy, strict
	$(BIN)/mypy

floors: $(BIN)/ramify  ## imports run down only
	$(BIN)/lint-imports
