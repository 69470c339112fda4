# One virtual environment, made on first use and again whenever what it is made of changes.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: demo test test-matrix check bench bench-frameworks fuzz torture clean

demo: $(READY)  ## remember a conversation and answer from it, with no key
	$(BIN)/holdfast demo

test: $(READY)  ## the whole suite
	$(BIN)/python -m pytest -n auto

fuzz: $(READY)  ## a million hostile calls of every verb; ARGS="--inputs 50000"
	$(BIN)/python -m tests.fuzz $(ARGS)

torture: $(READY)  ## kills, damage, full disks, races and cancellations by the thousand, in 25 minutes; ARGS=--quick
	$(BIN)/python -m tests.torture $(ARGS)

test-matrix: $(READY)  ## each adapter at its floor and at other versions, in environments of their own
	$(BIN)/python tests/matrix.py $(ARGS)

check: $(READY)  ## style, types and the walls between the rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)  ## side by side with mem0ai, in an environment of its own
	$(BIN)/python benchmarks/run.py $(ARGS)

bench-frameworks: $(READY)  ## what the memory adds to a turn and to an import, framework by framework
	$(BIN)/python -m benchmarks.frameworks

clean:
	rm -rf $(VENV) .bench-venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[test,check]'
	touch $(READY)
