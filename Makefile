# make bench measures; make help lists the rest. Everything is set up on first use, in .venv.

PYTHON ?= python3
ENVIRONMENT := .venv
BIN := $(ENVIRONMENT)/bin
READY := $(ENVIRONMENT)/.ready

# Where this is set, every start compiles every module again, and measurements measure that.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup bench compare history update doctor test test-fast lint publish picture preview lock clean

help: ## list the targets
	@echo "make TARGET, where TARGET is one of:"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile

setup: $(READY) ## prepare .venv (the other targets do it when it is missing)

$(READY): pyproject.toml constraints.txt scripts/set_up.sh
	@sh scripts/set_up.sh $(PYTHON) $(ENVIRONMENT)
	@touch $(READY)

bench: $(READY) ## measure the newest release against the optimised branch: table and site
	@$(BIN)/mfbench run --publish

BASE ?= main
HEAD ?= HEAD
PROFILE ?= default
# The name to store results under; the host's by default.
NAMED = $(if $(MACHINE),--machine "$(MACHINE)")

compare: $(READY) ## measure two commits and a control: make compare BASE=main HEAD=HEAD PROFILE=default
	@$(BIN)/mfbench run "$(BASE)" "$(HEAD)" --profile "$(PROFILE)" $(NAMED)

history: $(READY) ## measure every release that is not measured yet (hours; can be resumed)
	@$(BIN)/mfbench run --releases $(NAMED)

update: $(READY) ## take in new releases: measure them, write documents and site
	@$(BIN)/mfbench update $(NAMED)

picture: $(READY) ## take README's picture of the view Compare (asv publish comes first)
	@$(BIN)/python scripts/take_picture.py

doctor: $(READY) ## say what on this machine disturbs measurements
	@$(BIN)/mfbench doctor

test: $(READY) ## run all tests (minutes)
	@$(BIN)/mfbench setup
	@$(BIN)/python -m pytest

test-fast: $(READY) ## run the fast tests only
	@$(BIN)/mfbench setup
	@$(BIN)/python -m pytest -m "not slow"

lint: $(READY) ## check style, types, imports, shell scripts and GitHub workflows
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo --no-cache
	@$(BIN)/shellcheck scripts/*.sh .ci/run .ci/compare
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/zizmor --offline --quiet --persona pedantic .github/workflows

publish: $(READY) ## write the site from results/ into html/
	@$(BIN)/asv publish

preview: $(READY) ## serve the site on 127.0.0.1
	@test -f html/index.html || $(BIN)/asv publish
	@$(BIN)/python -u -m http.server 0 --bind 127.0.0.1 --directory html

lock: $(READY) ## renew constraints.txt (for Python 3.10 to 3.13) and dashboard/package-lock.json
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.10 --no-header --no-annotate \
	    --no-emit-index-url --group development --group measured --group running --group beside --group site pyproject.toml \
	    --output-file constraints.txt
	@cd dashboard && npm install --package-lock-only --ignore-scripts

clean: ## remove what can be made again; results/ and upstream/ stay
	@rm -rf $(ENVIRONMENT) .asv html dashboard/node_modules .pytest_cache .mypy_cache .ruff_cache
