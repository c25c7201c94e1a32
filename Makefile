# Two commands matter: `make demo` and `make test`. Both set up everything they need in .venv first.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
EXTRAS := local,ray,eval,science,memory,s3,postgres,docker,openbao,scan,dev,test-servers
STAMP := $(VENV)/.installed
export PIP_DISABLE_PIP_VERSION_CHECK := 1

help: ## Show what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP) ## Make the virtual environment with everything in it

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "qlayer needs Python 3.11 or newer: make PYTHON=/path/to/python3.11" >&2; exit 2; }
	@echo "setting up $(VENV) ($$($(PYTHON) --version))"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q -c constraints.txt -e '.[$(EXTRAS)]' 2> >(grep -v '^WARNING: Location' >&2)
	@touch $@

demo: $(STAMP) ## Generate three projects with a real 1.5B model on a local Ray and run one of them
	@$(BIN)/python examples/demo.py

test: $(STAMP) lint ## Lint, types, and every test that is not marked slow
	@$(BIN)/qlayer models pull qwen2.5-coder-0.5b || echo "weights could not be fetched: tests marked 'model' will be skipped"
	@$(BIN)/qlayer models pull all-minilm-l6-v2 || echo "weights could not be fetched: tests of sentence embeddings will be skipped"
	@rm -f .coverage .coverage.*
	$(BIN)/python -m coverage run -m pytest -m "not slow" $(ARGS)
	@$(BIN)/python -m coverage combine -q && $(BIN)/python -m coverage report | grep '^TOTAL' | sed 's/^TOTAL/coverage of lines and branches:/'

unit: $(STAMP) ## Only the fast tests: no server, no model
	$(BIN)/python -m pytest -m "not slow and not server and not model" $(ARGS)

slow: $(STAMP) ## The tests marked slow
	$(BIN)/python -m pytest -m slow $(ARGS)

lint: $(STAMP) ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(STAMP) ## Let ruff rewrite the layout
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP) ## Measure the sandbox and the serving path against their peers
	$(BIN)/qlayer bench sandbox
	$(BIN)/qlayer models pull qwen2.5-coder-0.5b
	$(BIN)/python -m jobs.bench_llm

limits: $(STAMP) ## How long after a limit nothing of a run is alive
	$(BIN)/python tests/hostile/measure_limits.py

mutation: $(STAMP) ## Every control of the sandbox, what attacks it when it is off, and the score
	$(BIN)/python tests/hostile/mutation.py

flips: $(STAMP) ## Every hostile program 20 times on a host kept busy; names those whose verdict is not steady
	$(BIN)/python tests/hostile/flips.py

soak: $(STAMP) ## 100,000 runs, one in ten hostile; interrupt and repeat it as you like
	$(BIN)/python tests/hostile/soak.py --runs 100000 --report .soak.json

evaluate: $(STAMP) ## HumanEval with the 1.5B model, greedy against the loop (an hour on two cores)
	$(BIN)/qlayer models pull qwen2.5-coder-1.5b
	$(BIN)/python -m jobs.evaluate --benchmark humaneval --model qwen2.5-coder-1.5b

runaways: $(STAMP) ## 200 runs of hostile requests to bad models: all must end inside their budget, with a reason
	$(BIN)/python -m jobs.runaways

clean: ## Remove the virtual environment and every cache
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.* build dist

.PHONY: help setup demo test unit slow lint format bench limits mutation flips soak evaluate runaways clean
