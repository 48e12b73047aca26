# make run | stop | test | check | bench | lock
PORT ?= 8000
STAFF_PORT ?= 8001
# demo data for the marketplace: ask (once), yes or no
DEMO_DATA ?= ask
PYTHON ?= python3
.PHONY: run stop test check bench lock

run: ## everything, in the foreground
	@$(PYTHON) -m tradewise.running.environment
	@exec .venv/bin/python -m tradewise.running up --tied --port $(PORT) --staff-port $(STAFF_PORT) --demo-data $(DEMO_DATA)

stop: ## end whatever `make run` started
	@test ! -x .venv/bin/python || exec .venv/bin/python -m tradewise.running stop

test: ## everything that CI runs; WITHOUT_ENGINE=1 leaves real Freqtrade out
	@$(PYTHON) -m tradewise.running.environment --dev
	@exec .venv/bin/python -m tests.run

check: ## the checks of `make test` alone: a minute
	@$(PYTHON) -m tradewise.running.environment --dev
	@exec .venv/bin/python -m tests.run --checks

bench: ## the figures about speed
	@$(PYTHON) -m tradewise.running.environment --dev
	@exec .venv/bin/python -m benchmarks.run

lock: ## requirements*.txt from requirements*.in; needs uv
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q requirements-dev.in -o requirements-dev.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q requirements.in -c requirements-dev.txt -o requirements.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q requirements-freqtrade.in -o requirements-freqtrade.txt
