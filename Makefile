# Each target sets up all it needs: a machine with Python 3.11 or newer, its venv module, and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Only the plugins that are used: pytest would else rewrite all modules of each installed one, in every process.
PYTEST := $(BIN)/python -m pytest -q -n auto --dist loadfile --disable-plugin-autoload -p xdist.plugin -p _hypothesis_pytestplugin -p chartside.testing.plugin
unexport PYTHONDONTWRITEBYTECODE  # compiled once, not by every worker and every command under test

.PHONY: demo test test-all check docs bench bench-asr peers clean

$(STAMP): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Chartside needs Python 3.11 or newer: make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[twilio,billing,transcription,dev]'
	touch $@

demo: $(STAMP)  ## see everything work on this machine
	$(BIN)/chartside demo

test: $(STAMP)  ## the fast tests
	$(PYTEST) -m 'not slow and not bench'

test-all: $(STAMP) peers  ## with the slow ones, against real servers
	$(PYTEST) -p pytest_cov.plugin -m 'not bench' --cov --cov-report=term:skip-covered

peers:  ## FHIR and authorisation servers that others wrote, for the tests
	bash .ci/peers.sh

check: $(STAMP)  ## lint, format, types, the arrows of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy core adapters fhir_profiles/chartside_profiles plugins/scheduling/chartside_scheduling plugins/consent/chartside_consent plugins/billing/chartside_billing plugins/transcription/chartside_transcription
	$(BIN)/lint-imports

docs: $(STAMP)  ## write anew what the docs take from the program
	$(BIN)/python docs/generate.py

bench: $(STAMP)  ## side-by-side figures, printed as ratios
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	for script in bench/bench_read.py bench/bench_reminders.py bench/bench_consent.py bench/bench_scrub.py bench/bench_codes.py; do $(BIN)/python $$script || exit 1; done

bench-asr: $(STAMP)  ## word error rate, speed and memory beside plain faster-whisper
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	$(BIN)/python bench/bench_asr.py

clean:
	rm -rf $(VENV) .peers .mypy_cache .ruff_cache .pytest_cache
