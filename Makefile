# `make demo` runs the main job on a published case; `make test` passes the tests. Both set everything up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CASE ?= examples/cases/copper_deficiency-1.json

.PHONY: demo test lint types rules evaluate benchmarks explore check-equality clean

demo: $(VENV)/.ready
	@$(BIN)/leukoref assess $(CASE)

test: $(VENV)/.ready-test
	@$(BIN)/python -m pytest -n auto --dist loadgroup

lint: $(VENV)/.ready-test
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(VENV)/.ready-test
	@$(BIN)/mypy

rules: $(VENV)/.ready
	@$(BIN)/leukoref lint && $(BIN)/leukoref sources --check

evaluate: $(VENV)/.ready-test
	@$(BIN)/leukoref evaluate examples/cases --stage presentation --doc docs/validation.md \
		--check examples/check_cases/seen --check examples/check_cases/untouched

# Which files they write is said at the head of each; on a quiet machine.
benchmarks: $(VENV)/.ready-bench
	@$(BIN)/python benchmarks/assess.py
	@$(BIN)/python benchmarks/peers.py
	@$(BIN)/python benchmarks/screen.py && $(BIN)/python benchmarks/larger.py && $(BIN)/python benchmarks/report.py

$(VENV)/.ready: pyproject.toml
	@command -v cc >/dev/null || { echo "leukoref: no C compiler; install one (Debian: apt-get install gcc python3-dev)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "leukoref: needs Python 3.11 or later" >&2; exit 1; }
	@$(PYTHON) -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))' || { echo "leukoref: no Python headers; install them (Debian: apt-get install python3-dev)" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.ready-test: $(VENV)/.ready
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[all,test]'
	@if command -v java >/dev/null || test -n "$$JAVA_HOME"; then \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[spark]'; \
	else echo "leukoref: no Java, so Spark is not tested" >&2; fi
	@touch $@

$(VENV)/.ready-bench: $(VENV)/.ready-test
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@

# New random examples for every law (nightly; minutes).
explore: $(VENV)/.ready-test
	@$(BIN)/python -m pytest -n auto --dist loadgroup --hypothesis-profile explore

# Both engines on many random patients (nightly; minutes to hours).
check-equality: $(VENV)/.ready-test
	@LEUKOREF_EQUALITY=$(or $(PATIENTS),100000) $(BIN)/python -m pytest --hypothesis-profile explore tests/test_columnar.py

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
