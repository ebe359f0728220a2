# Targets, in a clean clone with only make and Python 3.10 or later:
#   make demo    run the walk-through of the specification, on a temporary datastore
#   make quick   run the tests of the language only: no etcd, no shell, under 20 seconds on two cores
#   make test    run all tests, in about four minutes on two cores
#   make lint    check style, types and the direction of imports
#   make laws    run the property tests with new and more examples; `make test` always uses the same ones
#   make fuzz    search for inputs that break a law; FUZZ_SECONDS=3600 sets the time for each target
#   make bench   measure the figures of docs/performance.md; BENCH_ARGS='check commands' selects some
#   make chaos   test the guarantees on an etcd cluster with injected faults, for five minutes
#   make docs    generate calicoctl/diagnostics/messages.py, and the pages of the grammar, the messages and the help
#   make site    build the documents as a web site in build/site; a broken link is an error
#   make clean   remove what these targets made
# PYTHON=python3.12 selects the interpreter; PYTEST_ARGS='-k selector' is passed to pytest, CHAOS_ARGS='--seed=1' to
# chaos.

PYTHON ?= python3
PYTEST_ARGS ?=
FUZZ_SECONDS ?= 600
BENCH_ARGS ?=
CHAOS_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
STRICT := tests/syntax/strict-requirements.txt
# The tests that need neither a datastore nor a process.
QUICK := tests/language tests/corpus tests/script tests/syntax tests/policy tests/engine/test_command_line_diagnostics.py \
  tests/engine/test_state.py tests/test_generated_pages.py tests/test_links.py

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo quick test lint laws fuzz bench chaos docs site clean

help:
	@sed -n 's/^#   //p' Makefile

demo: $(READY)
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh demo/walkthrough.sh

quick: $(READY)
	$(BIN)/python -m pytest -n 2 -q $(QUICK)

# Four workers for two cores, because many tests wait for a server or a time limit. A worker without tests takes half of
# the remaining tests of another one. Each worker has its own etcd, from its first test to its last.
test: $(READY)
	$(BIN)/python -m pytest -n 4 --dist worksteal $(PYTEST_ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

laws: $(READY)
	$(BIN)/python -m pytest -n 2 --hypothesis-profile=search -m hypothesis $(PYTEST_ARGS)

# atheris has wheels only for CPython 3.11 to 3.14 on Linux x86-64.
fuzz: $(READY)
	@$(BIN)/python -c 'import atheris' 2>/dev/null || \
	  { echo "make: atheris is not available for this Python; use 3.11 to 3.14 on Linux x86-64: make PYTHON=python3.11 fuzz" >&2; exit 1; }
	$(BIN)/python -m fuzz.run --seconds $(FUZZ_SECONDS)

bench: $(READY)
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

chaos: $(READY)
	$(BIN)/python -m chaos $(CHAOS_ARGS)

docs: $(READY)
	$(BIN)/python -m docs.message_pages
	$(BIN)/python -m docs.make

# Sphinx reads all pages each time (-E), because it prints no warnings for pages that it has cached.
site: $(READY)
	rm -rf build/site
	$(BIN)/sphinx-build -q -E -W --keep-going -c docs/site -d build/site-cache . build/site
	@echo "make: the site is build/site/index.html"

clean:
	rm -rf $(VENV) build dist ./*.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# interegular slows Lark down, so it is installed in a separate folder that only tests/syntax/test_strict.py uses.
# The environment is created again each time, which repairs an incomplete one, or one whose interpreter is missing.
$(READY): setup.py pyproject.toml calicoctl/version.py $(STRICT)
	@command -v $(PYTHON) >/dev/null || \
	  { echo "make: '$(PYTHON)' not found; install Python 3.10 or later, or specify one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "make: '$(PYTHON)' is $$($(PYTHON) --version 2>&1); Python 3.10 or later is required: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "make: '$(PYTHON)' cannot create virtual environments; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,lint,docs]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --target $(VENV)/strict -r $(STRICT)
	@touch $@
