# Everything runs in .venv, made on first use; only Python >= 3.11 and make are needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --constraint requirements.lock
DEMO := experiments/design_a_supernode/question.yaml

.PHONY: demo test lint docs benchmark mutate check-dependencies damage kills fuzz check-all clean

demo: $(VENV)/.installed
	@$(BIN)/supernode-opt run $(DEMO)
	@echo "The figures are in results/design_a_supernode/figures."

test: lint
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder \
	  --nbmake notebooks tests

# Damaged inputs, by seeds: make damage FIRST=2000 COUNT=10000
FIRST ?= 0
COUNT ?= 2000

damage: $(VENV)/.installed-dev
	@$(BIN)/python -m tests.damage $(FIRST) $(COUNT)

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
	@$(BIN)/python -m pytest -q -m long tests/oracle

# The site, in docs/_build/html: built, opened in Chromium where there is one, and all of
# its pages followed as a reader does.
docs: $(VENV)/.installed-docs
	@$(BIN)/python -m sphinx -W --keep-going -q docs docs/_build/html
	@$(BIN)/python docs/check_in_browser.py docs/_build/html
	@$(BIN)/python -m pytest -q -m "long or not long" tests/docs tests/html

# The quick ones, some ten minutes on two quiet cores; benchmarks/README.md has the rest.
benchmark: $(VENV)/.installed-benchmarks
	@$(BIN)/python benchmarks/evaluate.py --json
	@$(BIN)/python -m benchmarks.optimizers --quick --out results/optimizers_quick
	@$(BIN)/python -m benchmarks.growth --steps 4 --out results/growth_quick

# Sixty faults by a seed, planted in copies; at most two hours on two cores, resumable.
mutate: $(VENV)/.installed-dev
	@$(BIN)/python -m benchmarks.mutate --seed 11

# Both ends of the version ranges, in environments of their own; needs the network.
check-dependencies:
	@$(PYTHON) tests/dependencies/both_ends.py

# Commands killed and stopped at random instants: some 25 minutes on 2 cores.
kills: $(VENV)/.installed-dev
	@$(BIN)/python tests/kills.py

# Everything that takes long, on two quiet cores: kills a quarter of an hour, damage half
# an hour, fuzz five hours, faults two hours, both ends of the ranges ten minutes.
check-all: test kills damage fuzz mutate check-dependencies

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

$(VENV)/.installed-benchmarks: pyproject.toml requirements.lock | $(BIN)/python
	@echo "Installing supernode-opt and what it is compared with in $(VENV) (once) ..."
	@$(PIP) --editable '.[benchmarks]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-docs: pyproject.toml requirements.lock | $(BIN)/python
	@echo "Installing supernode-opt and what builds its site in $(VENV) (once) ..."
	@$(PIP) --editable '.[docs]'
	@touch $@ $(VENV)/.installed
