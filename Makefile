# Everything that Comanda needs is in .venv, which ./comanda-setup makes and repairs; PYTHON=… chooses its Python.

.DEFAULT_GOAL := help
.PHONY: help demo test flaky chaos fuzz conformance bench lint lock clean

VENV := .venv/bin
UV ?= uv
COMPILE := $(UV) pip compile --quiet --universal --generate-hashes --python-version 3.11 $(UPGRADE)

export PYTHON

help: ## Say what there is
	@sed -n 's/^\([a-z]*\):.*## /  make \1 - /p' Makefile

demo: ## Order a pizza on this machine: a local Telegram, both bots, a worker and two restaurants
	@./comanda-setup
	@$(VENV)/comanda demo

test: ## Check everything: style, types, package rules, tests
	@./comanda-setup --dev
	$(VENV)/ruff check
	$(VENV)/ruff format --check
	$(VENV)/mypy
	$(VENV)/lint-imports
	$(VENV)/pytest -n 3 --dist loadfile --no-loadscope-reorder

flaky: ## Run the tests again and again, shuffled and on a busy machine: does one ever fail? (RUNS=5, K=expression for a part)
	@./comanda-setup --dev
	@$(VENV)/python -m tests.flaky $(if $(RUNS),--runs $(RUNS)) $(if $(K),-k "$(K)")

chaos: ## Kill anything at any moment and check that every order still ends well (MINUTES=5, SEED=… for the same again)
	@./comanda-setup --dev
	@$(VENV)/python -m tests.chaos $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

fuzz: ## Give all that reads input from outside 100,000 inputs that it should not get (INPUTS=… for more)
	@./comanda-setup --dev
	@$(VENV)/python -m tests.fuzz --inputs $(or $(INPUTS),100000)

conformance: ## Hold the local Telegram against python-telegram-bot's own live tests (they are fetched)
	@./comanda-setup --dev
	@$(VENV)/python -m tests.conformance

bench: ## Measure speed and size, next to other queues and to what is possible (QUICK=1: in 3 minutes instead of 30)
	@./comanda-setup --dev
	@$(VENV)/python -m tests.bench $(if $(QUICK),--size quick)

lint: ## Put the style right where a tool can, and check the types
	@./comanda-setup --dev
	$(VENV)/ruff format
	$(VENV)/ruff check --fix
	$(VENV)/mypy

lock: ## Lock the dependencies again (needs uv; UPGRADE=--upgrade takes the newest)
	$(COMPILE) pyproject.toml --group build -o requirements/runtime.txt
	$(COMPILE) pyproject.toml --group build --group dev -c requirements/runtime.txt -o requirements/dev.txt
	$(COMPILE) --group conformance -c requirements/runtime.txt -o requirements/conformance.txt
	$(COMPILE) --group bench -o requirements/bench.txt
	$(COMPILE) --group bench-arq -o requirements/bench-arq.txt
	$(COMPILE) --group store -c requirements/runtime.txt -o requirements/store.txt

clean: ## Remove .venv and what the tools left; orders and carts in data/ stay
	rm -rf .venv .bench .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find bot flows tests workers -name __pycache__ -type d -exec rm -rf {} +
