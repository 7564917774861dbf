# Everything runs in .venv, made on first use; only Python >= 3.11 and make are needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --constraint requirements.lock
# First, so that no worker waits for another at the end.
LONGEST := notebooks tests/test_documents.py $(addprefix tests/,system search measure experiments)
DEMO := experiments/design_a_supernode/question.yaml

.PHONY: demo test lint benchmark fuzz clean

demo: $(VENV)/.installed
	@$(BIN)/supernode-opt run $(DEMO)
	@echo "The figures are in results/design_a_supernode/figures."

test: lint
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder \
	  --nbmake $(LONGEST) tests

lint: $(VENV)/.installed-dev
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/pyrefly check --python-interpreter-path $(BIN)/python
	@$(BIN)/lint-imports --no-logo

# Small studies against brute force; stopped, the same command goes on.  About a minute
# a study on two cores, since most programs are new.
FUZZ := --from 0 --to 300
fuzz: $(VENV)/.installed-dev
	@JAX_COMPILATION_CACHE_DIR=results/fuzz/compiled $(BIN)/python -m tests.oracle.fuzz $(FUZZ)

benchmark: $(VENV)/.installed
	@$(BIN)/python benchmarks/evaluate.py --json

clean:
	@rm -rf $(VENV) .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find supernode_opt tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed; name one with make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml requirements.lock | $(BIN)/python
	@echo "Installing supernode-opt in $(VENV) (once) ..."
	@$(PIP) --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml requirements.lock | $(BIN)/python
	@echo "Installing supernode-opt and its test tools in $(VENV) (once) ..."
	@$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.installed
