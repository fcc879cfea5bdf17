# Everything installs into .venv from the lock files (names, versions and hashes; no index address).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo deck lint format test test-system snapshots screenshots bench lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(BIN)/arkdeck: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(BIN)/pytest: requirements-dev.lock $(BIN)/arkdeck
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

demo: $(BIN)/arkdeck  ## run the whole job on the embedded local cloud
	$(BIN)/arkdeck demo

deck: $(BIN)/arkdeck  ## open the deck on a local cloud with two hundred jobs
	$(BIN)/arkdeck --local --scene busy

lint: $(BIN)/pytest  ## style, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(BIN)/pytest  ## rewrite the sources in the project's style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: $(BIN)/pytest  ## every test that needs Python alone
	$(BIN)/pytest -n 4 -m "not system"

test-system: $(BIN)/pytest  ## the tests that need Debian packages: dbus, gnome-keyring, nodejs, npm, tmux, openssh
	$(BIN)/pytest -n 3 -m system

snapshots: $(BIN)/pytest  ## accept how the screens look now, after a look at the report of a failed `make test`
	$(BIN)/pytest -q tests/ui/test_snapshots.py --snapshot-update

screenshots: $(BIN)/pytest  ## draw the pictures of the README anew
	$(BIN)/python -m tests.ui.screenshots

bench: $(BIN)/pytest  ## measure; ratios to a bare peer in the same run
	$(BIN)/python tests/bench/command.py
	$(BIN)/python tests/bench/transfers.py
	$(BIN)/python tests/bench/reconcile.py
	$(BIN)/python tests/bench/local_cloud.py
	$(BIN)/python tests/bench/deck_table.py
	$(BIN)/python -m tests.bench.picker
	$(BIN)/python -m tests.bench.deck
	$(BIN)/python -m tests.bench.results
	$(BIN)/python -m tests.bench.deck_transfers

lock: $(BIN)/pytest  ## resolve the dependencies again
	$(BIN)/uv pip compile $(UV_FLAGS) pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile $(UV_FLAGS) --extra dev pyproject.toml -o requirements-dev.lock

UV_FLAGS := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --upgrade

clean:  ## remove what was built, the virtual environment included
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
