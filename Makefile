# From a clean clone, with nothing but make and Python 3.10 or later:
#   make demo    the specification's walk-through, on a datastore of its own that is thrown away
#   make quick   the tests of the language alone: no etcd, no shell, under 20 seconds on two cores
#   make test    every test, about five minutes on two cores
#   make lint    style, types and the direction of imports
#   make laws    new examples for the laws, and more, where `make test` takes the same ones each time
#   make fuzz    a long search for inputs that break a law; FUZZ_SECONDS=3600 for each target
#   make bench   the figures of docs/performance.md, each with its reach; BENCH_ARGS='check commands' for some
#   make chaos   the reliability proof: a cluster that is broken for five minutes, and what the writers were told
#   make docs    generate calicoctl/messages.py, and the pages of the grammar, the messages and the help
#   make site    the documents as a web site in build/site; a link that leads nowhere is an error
#   make clean   remove what these targets made
# PYTHON=python3.12 chooses the interpreter; PYTEST_ARGS='-k selector' goes to pytest, CHAOS_ARGS='--seed=1' to chaos.

PYTHON ?= python3
PYTEST_ARGS ?=
FUZZ_SECONDS ?= 600
BENCH_ARGS ?=
CHAOS_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
STRICT := tests/syntax/strict-requirements.txt
# What needs neither a datastore nor a process.
QUICK := tests/language tests/corpus tests/script tests/syntax tests/policy tests/engine/test_reading.py \
  tests/engine/test_state.py tests/test_made_pages.py tests/test_links.py

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo quick test lint laws fuzz bench chaos docs site clean

help:
	@sed -n 's/^#   //p' Makefile

demo: $(READY)
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh demo/walkthrough.sh

quick: $(READY)
	$(BIN)/python -m pytest -n 2 -q $(QUICK)

# Four workers for two cores, since many tests wait for a server or a time limit. A worker that has done its share of
# the tests takes half of what another one has left; each has an etcd of its own, from its first test to its last.
test: $(READY)
	$(BIN)/python -m pytest -n 4 --dist worksteal $(PYTEST_ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

laws: $(READY)
	$(BIN)/python -m pytest -n 2 --hypothesis-profile=search -m hypothesis $(PYTEST_ARGS)

# atheris has wheels for Linux on x86-64 and CPython 3.11 to 3.14 alone.
fuzz: $(READY)
	@$(BIN)/python -c 'import atheris' 2>/dev/null || \
	  { echo "make: there is no atheris for this Python; name one of 3.11 to 3.14, on Linux x86-64: make PYTHON=python3.11 fuzz" >&2; exit 1; }
	$(BIN)/python -m fuzz.run --seconds $(FUZZ_SECONDS)

bench: $(READY)
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

chaos: $(READY)
	$(BIN)/python -m chaos $(CHAOS_ARGS)

docs: $(READY)
	$(BIN)/python -m docs.message_pages
	$(BIN)/python -m docs.make

# A page that is read again could warn of what a page that is kept no longer warns of: everything is read each time.
site: $(READY)
	rm -rf build/site
	$(BIN)/sphinx-build -q -E -W --keep-going -c docs/site -d build/site-cache . build/site
	@echo "make: the site is build/site/index.html"

clean:
	rm -rf $(VENV) build dist ./*.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What slows Lark down lies apart, where only one test looks (tests/syntax/test_strict.py).
# The environment is made anew each time, so a half-made one, or one whose interpreter is gone, heals itself.
$(READY): setup.py pyproject.toml calicoctl/version.py $(STRICT)
	@command -v $(PYTHON) >/dev/null || \
	  { echo "make: there is no '$(PYTHON)'; install Python 3.10 or later, or name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "make: '$(PYTHON)' is $$($(PYTHON) --version 2>&1); Python 3.10 or later is needed: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "make: '$(PYTHON)' cannot make virtual environments; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,lint,docs]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --target $(VENV)/strict -r $(STRICT)
	@touch $@
