# Everything here works on a bare machine: it needs Python 3.11 to 3.13, make and a package index.

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench secrets setup

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed

# Hyperopt's worker processes find `aquatrade` only by a path that is set from outside.
export PYTHONPATH := $(CURDIR)/user_data/strategies
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(STAMP) ## Candles, scores, backtests, live-mode trading, proof; DATA=folder for recorded candles
	@"$(BIN)/aquatrade" demo $(if $(DATA),--data "$(DATA)")

test: $(STAMP) ## Every test, from formulas to real processes
	@"$(BIN)/python" -m pytest -q -n 2 --dist loadscope -m "not rehearsal"
	@"$(BIN)/python" -m pytest -q -n 2 --dist loadscope --no-loadscope-reorder -m rehearsal

lint: $(STAMP) ## Style, formatting, types and house rules
	@"$(BIN)/python" -m ruff check .
	@"$(BIN)/python" -m ruff format --check .
	@"$(BIN)/python" -m mypy
	@"$(BIN)/python" -m lint.house_rules

bench: $(STAMP) ## Every speed figure that this project claims, measured here
	@"$(BIN)/python" -m benchmarks

secrets: ## Random tokens and passwords for docker compose, where there are none yet
	@"$(PYTHON)" docker/make_secrets.py

setup: $(STAMP) ## Only build the environment in .venv

$(STAMP): pyproject.toml constraints.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
		echo "Aquatrade needs Python 3.11, 3.12 or 3.13 and found $$("$(PYTHON)" --version 2>&1):" \
			"name one with make PYTHON=python3.12" >&2; exit 1; }
	@echo "setting up $(VENV) (a minute or two, once)"
	@"$(PYTHON)" -m venv "$(VENV)" || { \
		echo "python -m venv failed: on Debian and Ubuntu, install python3-venv" >&2; exit 1; }
	@"$(BIN)/python" -m pip install --quiet --no-compile --constraint constraints.txt --editable ".[dev]"
	@touch "$(STAMP)"
