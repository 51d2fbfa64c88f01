# The habits: run · test · lint. Each does its own set-up.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin

.PHONY: run test lint format screenshots

run: $(VENV)/.run
	@$(BIN)/python manage.py serve

test: $(VENV)/.dev
	@PYTHON=$(BIN)/python sh tools/find_chromium.sh > $(VENV)/.chromium
	CHROMIUM="$$(cat $(VENV)/.chromium)" $(BIN)/python -m pytest

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

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements.txt requirements-dev.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
