# `make demo` and `make test` set up .venv themselves. Another Python: make test PYTHON=python3.12
PYTHON ?= python3
BIN = .venv/bin

# Idle OpenMP threads that spin can make two threads slower than one on a busy machine.
export OMP_WAIT_POLICY = passive

.PHONY: install demo test check bench clean

install: .venv/ready

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: .venv/ready
	$(BIN)/tsfmicro demo --out demo

test: .venv/ready
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal

check: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/ready
	$(BIN)/tsfmicro bench

clean:
	rm -rf .venv demo
