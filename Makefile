# The habits: run · test · lint · bench. Each does its own set-up.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
PARALLEL = -n auto --durations=20
# Who waits for a page or a process leaves a core free: three workers for two cores.
OVERLAPPING = -n $$($(BIN)/python -c "import os; print(os.cpu_count() * 3 // 2)") --durations=20

.PHONY: run test quick soak coverage lint format screenshots pictures messages observatory image bench lock audit

run: $(VENV)/.run
	@$(BIN)/python manage.py serve

# Everything on SQLite, then what touches SQL once more on Postgres.
test: $(VENV)/.dev
	@PYTHON=$(BIN)/python sh tools/find_chromium.sh > $(VENV)/.chromium
	CHROMIUM="$$(cat $(VENV)/.chromium)" $(BIN)/python -m pytest $(OVERLAPPING)
	$(BIN)/python -m pytest $(PARALLEL) --database=postgres

# Everything but real processes, browsers and long walks: what to run before each commit.
quick: $(VENV)/.dev
	$(BIN)/python -m pytest $(PARALLEL) -m "not process and not browser and not long and not soak"

# What takes minutes: many restarts, the long walks, and 1,000 launches under random faults and kills, of which
# the ledger of the simulated Giga is the judge.
soak: $(VENV)/.dev
	@PYTHON=$(BIN)/python sh tools/find_chromium.sh > $(VENV)/.chromium
	CHROMIUM="$$(cat $(VENV)/.chromium)" $(BIN)/python -m pytest $(PARALLEL) -m soak

# Which lines no test on SQLite runs; by half slower than the tests alone.
coverage: $(VENV)/.dev
	@PYTHON=$(BIN)/python sh tools/find_chromium.sh > $(VENV)/.chromium
	@rm -rf var/coverage && mkdir -p var/coverage
	CHROMIUM="$$(cat $(VENV)/.chromium)" $(BIN)/python -m coverage run -m pytest $(PARALLEL)
	@$(BIN)/python -m coverage combine --quiet && $(BIN)/python -m coverage report --skip-covered --show-missing

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/djade --check --target-version 5.2 $$(git ls-files 'templates/*.html')
	@# Which steps were made it would compare with a database, and there may be none here.
	$(BIN)/python -W "ignore:Got an error checking:RuntimeWarning" manage.py makemigrations --check --dry-run

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/djade --target-version 5.2 $$(git ls-files 'templates/*.html')

screenshots: $(VENV)/.dev
	@PYTHON=$(BIN)/python sh tools/find_chromium.sh > $(VENV)/.chromium
	CHROMIUM="$$(cat $(VENV)/.chromium)" $(BIN)/python tools/screenshots.py

# Every page in every state, theme and width, into var/pictures/.
pictures: $(VENV)/.dev
	@PYTHON=$(BIN)/python sh tools/find_chromium.sh > $(VENV)/.chromium
	CHROMIUM="$$(cat $(VENV)/.chromium)" $(BIN)/python tools/pictures.py

# The German catalogue from the sources, and what is loaded of it; needs gettext.
messages: $(VENV)/.dev
	$(BIN)/python manage.py makemessages -l de --no-wrap --no-obsolete -i $(VENV) -i vendor-source -i tests -i var
	$(BIN)/python manage.py compilemessages -l de -l en --ignore $(VENV)

# Grades the headers of a local start behind TLS with Mozilla's program; needs npm.
observatory: $(VENV)/.dev
	$(BIN)/python tools/observatory.py

# Builds the image and starts it with Docker, as built and as another machine would get it: `make image
# BUILD="--network host"`.
image: $(VENV)/.dev
	$(BIN)/python deploy/check_image.py $(BUILD)

bench: $(VENV)/.dev
	@PYTHON=$(BIN)/python sh tools/find_chromium.sh > $(VENV)/.chromium
	CHROMIUM="$$(cat $(VENV)/.chromium)" $(BIN)/python benchmarks/main_job.py
	CHROMIUM="$$(cat $(VENV)/.chromium)" $(BIN)/python benchmarks/pages.py
	CHROMIUM="$$(cat $(VENV)/.chromium)" $(BIN)/python benchmarks/list_pushes.py
	$(BIN)/python benchmarks/list.py
	$(BIN)/python benchmarks/sqlite_load.py
	$(BIN)/python benchmarks/fanout.py
	$(BIN)/python benchmarks/many_keys.py
	$(BIN)/python benchmarks/fleet.py
	$(BIN)/python benchmarks/launches.py
	$(BIN)/python benchmarks/freshness.py
	$(BIN)/python benchmarks/answer_times.py
	$(BIN)/python benchmarks/exports.py

# requirements*.txt from requirements*.in: every package with its hashes, for each platform. What is written there
# stays unless it must change; `make lock UPGRADE=--upgrade` takes the newest of all that no .in file pins.
LOCK = $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock" $(UPGRADE)
lock: $(VENV)/.dev
	$(LOCK) --python-version 3.11 requirements.in -o requirements.txt
	$(LOCK) --python-version 3.11 requirements-scale.in -o requirements-scale.txt
	$(LOCK) --python-version 3.11 requirements-dev.in -o requirements-dev.txt

# Asks whether anything in the lock is known to be vulnerable; needs the network.
audit: $(VENV)/.dev
	$(BIN)/pip-audit --strict --require-hashes --disable-pip -r requirements-dev.txt

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements.txt requirements-scale.txt requirements-dev.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@
