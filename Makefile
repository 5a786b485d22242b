# Daybook's commands. They need make and Python 3.11, 3.12 or 3.13; uv is used where it is installed and not needed.
# The only network they touch is the package registry that pip or uv is configured for.

ARGS     ?= data/journals --owner "Nora Lindqvist"
WANTED   := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
UV       := $(shell command -v uv 2>/dev/null)
PYTHON   ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
                "$$python" -c "$(WANTED)" 2>/dev/null && echo "$$python" && break; done; true)
ifneq ($(UV),)
PYTHON   := $(or $(PYTHON),$(shell uv python find --no-python-downloads '>=3.11,<3.14' 2>/dev/null))
endif
IN_VENV  := .venv/bin/python -m
LOCKING  := env UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile pyproject.toml --quiet --universal \
            --python-version 3.11 --generate-hashes

.PHONY: help load setup test lint types pytest format train lock clean
.DELETE_ON_ERROR:

help:  ## Show this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1 \2/p' Makefile | awk '{ printf "  %s %-11s", $$1, $$2; $$1 = $$2 = ""; print }'

load: .venv/run.stamp  ## Read the sample journals; your own: make load ARGS='~/diary --owner "Your Name"'
	.venv/bin/python load_journals.py $(ARGS)

setup: .venv/dev.stamp  ## Make .venv with everything that load and test need

test: lint types pytest  ## Check style, types and behaviour, as CI does

lint: .venv/dev.stamp
	$(IN_VENV) ruff check
	$(IN_VENV) ruff format --check

types: .venv/dev.stamp
	$(IN_VENV) mypy

pytest: .venv/dev.stamp
	$(IN_VENV) pytest

format: .venv/dev.stamp  ## Format the code and repair what ruff can
	$(IN_VENV) ruff check --fix
	$(IN_VENV) ruff format

train: .venv/dev.stamp  ## Train daybook-nano on; says if its prompts are stale (needs torch, see training/README.md)
	$(IN_VENV) training.train

lock:  ## Lock the newest versions that pyproject.toml allows (needs uv)
	$(LOCKING) --upgrade --output-file requirements.lock
	$(LOCKING) --upgrade --group dev --constraints requirements.lock --output-file requirements-dev.lock

clean:  ## Remove .venv and the caches of the tools; journals and models stay
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis

# A stamp is younger than its lock, so packages are installed again only when the lock changes.
# One environment serves both locks: the development lock holds the versions of the other one and a few tools more.
.venv/run.stamp: requirements.lock
.venv/dev.stamp: requirements-dev.lock
.venv/%.stamp: | .venv/bin/python
ifneq ($(UV),)
	uv pip install --quiet --python .venv/bin/python --require-hashes -r $<
else
	$(IN_VENV) pip install --quiet --disable-pip-version-check --require-hashes -r $<
endif
	@touch $@

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Daybook needs Python 3.11, 3.12 or 3.13; none is on the PATH (or name one: make PYTHON=/path/to/python3)." >&2; exit 1; }
ifneq ($(UV),)
	uv venv --quiet --clear --python "$(PYTHON)" .venv
else
	"$(PYTHON)" -m venv --clear .venv
endif
