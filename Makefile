# Everything runs in $(VENV), made from requirements.lock; nothing is installed outside it.

PYTHON ?= python3
VENV ?= .venv
BENCH ?=
MINUTES ?= 15
CASES ?= 20000
SEED ?=

BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help up test check format bench torture fuzz openapi clean

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile
	@echo "Settings: TIDEMARK_PORT (8080), TIDEMARK_DATA (./.tidemark), TIDEMARK_TOKEN (made when unset), PYTHON (python3)"

up: $(READY) ## Start everything on this machine; Ctrl-C stops it
	@exec $(BIN)/tidemark up

test: $(READY) ## Run every test, on real parts
	@$(BIN)/python -m tidemark.jars
	$(BIN)/python -m pytest

check: $(READY) ## Hold format, lint, types and the import contract
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## Format the code
	$(BIN)/ruff check --fix --select I
	$(BIN)/ruff format

bench: $(READY) ## Measure; BENCH=x measures one thing
	@$(BIN)/python -m bench $(BENCH)

torture: $(READY) ## Kill, freeze and wipe parts under load, then recount; MINUTES=15 SEED=n
	@$(BIN)/python -m tidemark.jars
	@$(BIN)/python -m bench.torture --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

fuzz: $(READY) ## Try what the OpenAPI document allows, and what not; CASES=20000 SEED=n
	@$(BIN)/python -m tidemark.jars
	@$(BIN)/python -m tests.fuzzing --cases $(CASES) $(if $(SEED),--seed $(SEED))

openapi: $(READY) ## Renew docs/openapi.json, so that a change of the contract shows in review
	@$(BIN)/python -m tidemark openapi > docs/openapi.json

clean: ## Remove the environment and caches, but no data
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .schemathesis .import_linter_cache

# The environment: made anew where the lock is newer than it.
$(READY): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Tidemark needs Python 3.11 or newer, but $(PYTHON) is older or missing; name another: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) lacks venv and ensurepip; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Making the environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation --quiet -e .
	@touch $(READY)
