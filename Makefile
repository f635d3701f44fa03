# Everything a fresh Debian or Ubuntu machine with Python 3.11 needs is set up by these targets; run twice, they do nothing twice.
.DEFAULT_GOAL := help
BIN := .venv/bin
STUDY := examples/demo.toml

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: image ## Run a real study: two language models on HumanEval, compared at equal budget
	@$(BIN)/sampler run --pull $(STUDY)
	@echo
	@echo "Open the screen:   $(BIN)/budget-tui $(STUDY)"

try: image ## Compare recorded samples of the same two models: a minute, and no weights
	@$(BIN)/sampler run examples/replay.toml

lint: venv ## Run linter, formatter, type checker and import contracts
	@$(BIN)/ruff check . && $(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

check: venv ## Run lint and the quick tests side by side: under a minute, without Docker
	@$(MAKE) --no-print-directory --jobs=2 --output-sync lint quick

quick: venv ## Run the quick tests alone
	@$(BIN)/pytest -m quick -q

test: image lint ## Run all checks and tests, in two processes: most tests wait for a box more than they compute
	@$(BIN)/pytest -n 2 --dist worksteal

test-languages: image ## Build the images of every language, and test programs and attacks in each
	@TEST_ALL_LANGUAGES=1 $(BIN)/pytest tests/sandbox/languages

fuzz: venv ## Draw fifty times as many examples for each property, and others every time
	@$(BIN)/pytest -m "hypothesis and not docker and not model" --hypothesis-profile fuzz

docs: venv ## Build the documentation site into build/site; a warning is an error
	@$(BIN)/zensical build --strict --clean

image: engine ## Build the box image, if it is missing or stale
	@$(BIN)/sandbox build >/dev/null

engine: venv ## Make sure that a Docker engine answers
	@scripts/engine.sh $(BIN)/python

venv: .venv/.ready ## Make the virtual environment

.venv/.ready: pyproject.toml constraints.txt Makefile
	@scripts/venv.sh llamacpp,serve,web,parquet,prices,ray,hub,mcp,frames,png,docs,dev
	@touch $@

bench: image ## Measure the sandbox against its peers
	@$(BIN)/python tests/bench/throughput.py

clean: ## Remove our boxes, images and virtual environment; studies stay
	-@[ ! -x $(BIN)/sandbox ] || $(BIN)/sandbox clean --images
	@rm -rf .venv

.PHONY: help demo try lint check quick test test-languages fuzz docs image engine venv bench clean
