# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
PYTEST_WORKERS ?= 2
# Tests start many processes: where this is set, each would compile the project again.
export PYTHONDONTWRITEBYTECODE :=
# A file's tests stay together, since they share what it sets up; in the order of tests/conftest.py.
PYTEST_PARALLEL = -n $(PYTEST_WORKERS) --dist loadfile --no-loadscope-reorder

.PHONY: demo test test-duckdb2 check devnet lock clean

demo: .venv/.runtime
	$(BIN)/crossmargin health --demo

test: .venv/.dev
	$(BIN)/python -m tests.devnet install
	$(BIN)/python -m pytest $(PYTEST_PARALLEL)

# The suite on the other major version of DuckDB that is supported.
test-duckdb2: .venv-duckdb2/.dev
	.venv-duckdb2/bin/python -m tests.devnet install
	.venv-duckdb2/bin/python -m pytest $(PYTEST_PARALLEL)

check: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/docs

# A local node with the real protocol contracts and seeded wallets, for trying things and writing adapters.
devnet: .venv/.dev
	$(BIN)/python -m tests.devnet install
	$(BIN)/python -m tests.devnet run

.venv/bin/python:
	$(PYTHON) -m venv .venv

# hatchling and editables come from the hashed set, so nothing is downloaded unpinned.
.venv/.runtime: constraints.txt pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: constraints-dev.txt pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r constraints-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv-duckdb2/.dev: constraints-dev.txt constraints-duckdb2.txt pyproject.toml
	$(PYTHON) -m venv .venv-duckdb2
	.venv-duckdb2/bin/pip install --quiet --disable-pip-version-check --require-hashes -r constraints-dev.txt
	.venv-duckdb2/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r constraints-duckdb2.txt
	.venv-duckdb2/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Needs uv. The lock itself is not committed: it would record registry addresses.
lock:
	uv lock --upgrade
	uv export -q --no-dev --group build --no-emit-project --no-header --no-annotate -o constraints.txt
	uv export -q --group dev --group build --no-emit-project --no-header --no-annotate -o constraints-dev.txt

clean:
	rm -rf .venv .venv-duckdb2 .cache
