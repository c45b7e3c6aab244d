# make demo   train, checkpoint, export and run a digit classifier
# make test   the whole test suite
# make help   everything else

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Exact versions: one list per line of jax, since jax 0.12 needs Python 3.12.
OLD_PYTHON := $(shell $(PYTHON) -c 'import sys; print(int(sys.version_info < (3, 12)))' 2>/dev/null)
CONSTRAINTS := constraints/$(if $(filter 1,$(OLD_PYTHON)),jax-0.10.txt,jax-0.12.txt)
WORKERS ?= 2
LATEST ?= python3.13 python3.12

.DEFAULT_GOAL := help
.PHONY: help demo test test-latest lint types format benchmark docs notebooks clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and \
	  "nnlib needs Python 3.11 or newer; %s is %d.%d. Try make PYTHON=python3.12 ..." \
	  % (sys.executable, *v[:2]))'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.%-installed: $(BIN)/python pyproject.toml $(CONSTRAINTS)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --constraint $(CONSTRAINTS) --editable '.[$*]'
	@touch $@

demo: $(VENV)/.demo-installed  ## train on real digits, checkpoint, export to .tflite, run it
	$(BIN)/python examples/digits.py

test: $(VENV)/.test-installed  ## run the whole suite
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

test-latest:  ## the suite on Python 3.12 or newer with the newest jax, if such a Python is there
	@for python in $(LATEST); do \
	  if $$python -c '' 2>/dev/null; then \
	    exec $(MAKE) test PYTHON=$$python VENV=.venv-latest; \
	  fi; \
	done; \
	echo "make test-latest: none of $(LATEST) runs here. Try make test-latest LATEST=/path/to/python3.12"; \
	exit 1

lint: $(VENV)/.dev-installed  ## style: ruff
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev-installed  ## types: mypy
	$(BIN)/mypy

format: $(VENV)/.dev-installed  ## rewrite files in the house style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

benchmark: $(VENV)/.test-installed  ## ratios against hand-written JAX and Keras
	$(BIN)/python benchmarks/train.py

docs: $(VENV)/.test-installed  ## write docs/features.md from the package
	$(BIN)/python docs/make_features.py

notebooks: $(VENV)/.test-installed  ## write notebooks/*.ipynb from their .py
	$(BIN)/jupytext --to ipynb --update notebooks/*.py

clean:  ## remove environments and everything that was made
	rm -rf .venv .venv-latest build dist *.egg-info demo_output .pytest_cache .xla_cache .ruff_cache .mypy_cache
