# Every command of this project in one place. `make` alone prints the list.
#
# .venv is built with plain pip from the hash-pinned locks: what `demo` and `serve` need from requirements.lock,
# what the developer's commands need from requirements-dev.lock. It is rebuilt when a lock or pyproject.toml
# changes.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check bench bench-intents intents soak serve docs clean lock

# Arguments for the command behind the target: make demo ARGS=--once, make test ARGS="-k stop".
ARGS ?=

# The first Python here that is 3.11 or newer and can make a virtual environment; PYTHON=/path/to/python overrides.
# Each candidate is run, because a name on the PATH may be a shim with nothing behind it. Where none is good
# enough the answer is the plain `python3`, and the recipe for .venv below says what it lacks.
CANDIDATES := python3.14 python3.13 python3.12 python3.11 python3 /usr/bin/python3
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
CAN_MAKE_VENV := import venv, ensurepip
PYTHON ?= $(shell for python in $(CANDIDATES); do \
	if "$$python" -c '$(CAN_MAKE_VENV); $(NEW_ENOUGH)' >/dev/null 2>&1; then echo "$$python"; exit; fi; \
	done; echo python3)

VENV := .venv
BIN := $(VENV)/bin
RUN_READY := $(VENV)/.ready-to-run
DEV_READY := $(VENV)/.ready-to-develop

# pip: no question, no advice about itself, and nothing on the screen but errors.
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PIP_NO_INPUT = 1
PIP := $(BIN)/python -m pip -qq

help: ## this list
	@echo "Sayso: the consent layer for WhatsApp"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo "Arguments go in ARGS: make demo ARGS=--once"

demo: $(RUN_READY) ## play the whole story on this machine and leave it open to try (ARGS=--once: play, then exit)
	@$(BIN)/sayso demo $(ARGS)

test: $(DEV_READY) ## run the tests, on SQLite and PostgreSQL (ARGS="-k stop" picks some)
	@$(BIN)/python -m pytest $(ARGS)

check: $(DEV_READY) ## style, types, and who may import whom
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: $(DEV_READY) ## measure, printed as ratios from one run (BENCH_LARGE=1: ten million people)
	@$(BIN)/python -m bench $(ARGS)

bench-intents: $(DEV_READY) ## how well messages are understood, by language and grade (ARGS=--short: four figures)
	@$(BIN)/python -m bench.intents $(ARGS)

intents: $(DEV_READY) ## train the model that reads free text again (ARGS=--check compares, "--folds 5" validates)
	@PYTHONPATH=src $(BIN)/python tools/train_intents.py $(ARGS)

HOURS ?= 1
soak: $(RUN_READY) ## play the simulation for HOURS on all cores, going on from the last seed (soak.json)
	@$(BIN)/sayso simulate --jobs 0 --hours $(HOURS) --save soak.json $(ARGS)

serve: $(RUN_READY) ## start the service with the sayso.toml of this folder
	@$(BIN)/sayso serve $(ARGS)

docs: $(DEV_READY) ## bring the tables and the diagram in docs/ up to date (ARGS=--check only compares)
	@if [ -f tools/make_docs.py ]; then $(BIN)/python tools/make_docs.py $(ARGS); fi

lock: $(DEV_READY) ## pin the dependencies of pyproject.toml again, with hashes (wants uv on the PATH)
	@set -e; for pair in build:requirements.lock dev:requirements-dev.lock; do \
		uv pip compile pyproject.toml --group "$${pair%%:*}" -o "$${pair##*:}" --quiet $(ARGS) \
			--universal --python-version 3.11 --generate-hashes \
			--no-header --no-emit-index-url --no-emit-find-links; done

clean: ## remove .venv and what the tools left behind
	@rm -rf $(VENV) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

# --- .venv --------------------------------------------------------------------------------------------------

$(RUN_READY): requirements.lock pyproject.toml
	@python="$(PYTHON)"; \
	version=$$("$$python" --version 2>/dev/null || echo "not installed"); \
	"$$python" -c '$(NEW_ENOUGH)' 2>/dev/null || { \
		echo "Sayso needs Python 3.11 or newer, and '$$python' is $$version."; \
		echo "Install one (Debian, Ubuntu: apt-get install python3 python3-venv) or name the one to use:"; \
		echo "  make $(or $(firstword $(MAKECMDGOALS)),demo) PYTHON=/path/to/python3.11"; exit 1; } >&2; \
	"$$python" -c '$(CAN_MAKE_VENV)' 2>/dev/null || { \
		echo "'$$python' ($$version) cannot make a virtual environment: its venv module or pip is missing."; \
		echo "Debian, Ubuntu: apt-get install python3-venv"; exit 1; } >&2; \
	if [ -L $(VENV) ]; then \
		echo "$(VENV) is a link, and building would empty the folder behind it. Remove the link, or bring that"; \
		echo "folder up to date: it is older than the locks here."; exit 1; fi >&2; \
	echo "Building .venv with $$version: once, and again whenever the locks change." >&2; \
	"$$python" -m venv --clear $(VENV)
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV_READY): $(RUN_READY) requirements-dev.lock
	@echo "Adding the developer's tools to .venv." >&2
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@
