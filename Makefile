# The habits: run · test · lint · bench. Each does its own set-up.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin

.PHONY: run test quick soak lint format screenshots bench

run: $(VENV)/.run
	@$(BIN)/python manage.py serve

test: $(VENV)/.dev
	@PYTHON=$(BIN)/python sh tools/find_chromium.sh > $(VENV)/.chromium
	CHROMIUM="$$(cat $(VENV)/.chromium)" $(BIN)/python -m pytest

# Everything but real processes and browsers: under a minute.
quick: $(VENV)/.dev
	$(BIN)/python -m pytest -m "not process and not browser"

# 1,000 launches under random faults and kills; the ledger of the simulated Giga is the judge.
soak: $(VENV)/.dev
	GIGAWATCH_SOAK=$${GIGAWATCH_SOAK:-1000} $(BIN)/python -m pytest -s tests/faults/test_soak.py

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/djade --check --target-version 5.2 $$(git ls-files 'templates/*.html')
	$(BIN)/python manage.py makemigrations --check --dry-run

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/djade --target-version 5.2 $$(git ls-files 'templates/*.html')

screenshots: $(VENV)/.dev
	@PYTHON=$(BIN)/python sh tools/find_chromium.sh > $(VENV)/.chromium
	CHROMIUM="$$(cat $(VENV)/.chromium)" $(BIN)/python tools/screenshots.py

bench: $(VENV)/.dev
	@PYTHON=$(BIN)/python sh tools/find_chromium.sh > $(VENV)/.chromium
	CHROMIUM="$$(cat $(VENV)/.chromium)" $(BIN)/python benchmarks/main_job.py
	$(BIN)/python benchmarks/sqlite_load.py
	$(BIN)/python benchmarks/fanout.py
	$(BIN)/python benchmarks/many_keys.py
	$(BIN)/python benchmarks/freshness.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements.txt requirements-scale.txt requirements-dev.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
