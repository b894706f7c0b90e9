# Every target sets up what it needs; `make help` lists them.
.DEFAULT_GOAL := help
BIN := .venv/bin
KAFKA := $(shell command -v mvn >/dev/null && java -version 2>&1 | grep -qE 'version "(1[7-9]|[2-9][0-9])' && echo yes)

.PHONY: help setup demo test check test-kafka lock screenshots train clean

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup:  ## Make .venv with everything in it; does nothing when nothing has changed
	@scripts/setup

demo: setup  ## Replay the AWS outage of 2025-10-20 and show it on a page
	@$(BIN)/outcry up --replay aws-2025-10-20 --speed 600 --open

test: setup  ## Run all tests, those in a browser included
	@scripts/browser >/dev/null
	$(BIN)/pytest -n 2 --dist loadfile $(PYTEST)

check: setup  ## Check style, types and the arrows between the rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test-kafka: setup  ## Run the broker-facing tests against Apache Kafka (needs Maven and Java 17)
ifeq ($(KAFKA),yes)
	scripts/apache-kafka $(BIN)/pytest -m kafka
else
	@echo "test-kafka is skipped: it needs mvn and Java 17 or later on PATH"
endif

lock: setup  ## Pin all dependencies anew
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --all-extras --group dev --upgrade \
	  --custom-compile-command "make lock" --output-file requirements.txt pyproject.toml >/dev/null

screenshots: setup  ## Take the pictures in docs/images
	@scripts/browser >/dev/null
	$(BIN)/python scripts/screenshots
	$(BIN)/python scripts/slack-thread

train: setup  ## Train the tagger and write the model that is shipped
	$(BIN)/outcry train

clean:  ## Delete all that was made here but the data of `outcry up`
	rm -rf .venv .kafka dist .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
