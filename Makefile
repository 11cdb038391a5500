# Two commands for a newcomer: `make demo` and `make test`. Each sets up what it needs in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint device-suite peers stress notebooks clean

demo: $(VENV)/.train
	$(BIN)/qstore train

test: $(VENV)/.test
	$(BIN)/python -m pytest

stress: $(VENV)/.test
	$(BIN)/python -m pytest -m stress

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# PennyLane's own device test-suite, with shots and analytic, without --skip-ops.
SUITE := $$($(BIN)/python -c "from pennylane.devices.tests import get_device_tests as g; print(g())")
device-suite: $(VENV)/.test
	$(BIN)/python -m pytest $(SUITE) -c /dev/null --device=qstore.ionq --shots=10000 -q -rs -p no:cacheprovider
	$(BIN)/python -m pytest $(SUITE) -c /dev/null --device=qstore.ionq --shots=None -q -rs -p no:cacheprovider

# Other vendors' clients against our emulator on loopback.
peers: $(VENV)/.peers
	$(BIN)/python -m pytest tests/peers

notebooks: $(VENV)/.notebooks
	$(BIN)/python -m pytest --nbmake notebooks

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

# One stamp for each set of extras.
$(VENV)/.%: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[$*]"
	touch $@

clean:
	rm -rf $(VENV)
