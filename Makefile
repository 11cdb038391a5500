# Two commands for a newcomer: `make demo` and `make test`. Each sets up what it needs in .venv.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
# More arguments for pytest, such as PYTEST_ARGS="-n 2" for two processes.
PYTEST_ARGS ?=
# The matrices here are small: threads of the linear algebra would wait for each other.
export OMP_NUM_THREADS ?= 1

.PHONY: demo test lint device-suite peers stress notebooks docs benchmarks clean

demo: $(VENV)/.train
	$(BIN)/qstore train

test: $(VENV)/.test
	$(PYTEST) $(PYTEST_ARGS)

stress: $(VENV)/.test
	$(PYTEST) -m stress $(PYTEST_ARGS)

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --exclude "*.md" .
	$(BIN)/mypy
	$(BIN)/lint-imports

# PennyLane's own device test-suite, with shots and analytic, without --skip-ops.
SUITE = $$($(BIN)/python -c "from pennylane.devices.tests import get_device_tests as g; print(g())") \
	-c /dev/null --device=qstore.ionq -q -rsx -p no:cacheprovider --no-flaky-report $(PYTEST_ARGS)
device-suite: $(VENV)/.test
	$(PYTEST) $(SUITE) --shots=10000
	$(PYTEST) $(SUITE) --shots=None

# Other vendors' clients against our emulator on loopback.
peers: $(VENV)/.test $(VENV)/.peers
	$(PYTEST) tests/peers $(PYTEST_ARGS)

notebooks: $(VENV)/.test $(VENV)/.notebooks
	$(PYTEST) --nbmake notebooks $(PYTEST_ARGS)

# The site, in docs/site/_build; a warning is an error.
docs: $(VENV)/.docs
	$(BIN)/sphinx-build -W --keep-going -q -b html docs/site docs/site/_build

benchmarks: $(VENV)/.test
	$(BIN)/python benchmarks/import_time.py
	$(BIN)/python benchmarks/gradient.py
	$(BIN)/python benchmarks/emulator.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

# One stamp for each set of extras.
$(VENV)/.%: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[$*]"
	touch $@

clean:
	rm -rf $(VENV)
