# make bench measures; make help lists the rest. Everything is set up on first use, in .venv.

PYTHON ?= python3
ENVIRONMENT := .venv
BIN := $(ENVIRONMENT)/bin
READY := $(ENVIRONMENT)/.ready

# Where this is set, every start compiles every module again, and measurements measure that.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup bench compare history update doctor test lint publish preview lock clean

help: ## list the targets
	@echo "make TARGET, where TARGET is one of:"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' Makefile

setup: $(READY) ## prepare .venv (every other target does it too)

$(READY): pyproject.toml constraints.txt scripts/set_up.sh
	@sh scripts/set_up.sh $(PYTHON) $(ENVIRONMENT)
	@touch $(READY)

bench: $(READY) ## measure the newest release against the optimised branch: table and site
	@$(BIN)/python -m scripts.bench

BASE ?= main
HEAD ?= HEAD
PROFILE ?= default

compare: $(READY) ## measure BASE, HEAD and a control by PROFILE (quick, default, thorough), and compare
	@$(BIN)/python -m scripts.measure "$(BASE)" "$(HEAD)" --profile "$(PROFILE)"
	@$(BIN)/python -m scripts.compare "$(BASE)" "$(HEAD)"

# The name to store results under: the host's, unless it is said.
NAMED = $(if $(MACHINE),--machine "$(MACHINE)")

history: $(READY) ## measure every release that is not measured yet (hours; start it again at any time)
	@$(BIN)/python -m scripts.measure_history $(NAMED)

update: $(READY) ## take in new releases: list, series, measurements, site
	@$(BIN)/python -m scripts.update $(NAMED)

doctor: $(READY) ## say what on this machine disturbs measurements
	@$(BIN)/python -m scripts.doctor

test: $(READY) ## run the tests
	@$(BIN)/python -m scripts.history
	@$(BIN)/python -m scripts.optimize --missing-results || test $$? = 1
	@$(BIN)/python -m pytest

lint: $(READY) ## check style, types, shell scripts and GitHub workflows
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/shellcheck scripts/*.sh .ci/run .ci/compare
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/zizmor --offline --quiet --persona pedantic .github/workflows

publish: $(READY) ## write the site from results/ into html/
	@$(BIN)/asv publish

preview: $(READY) ## show the site on this machine only
	@test -f html/index.html || $(BIN)/asv publish
	@$(BIN)/python -u -m http.server 0 --bind 127.0.0.1 --directory html

lock: $(READY) ## renew constraints.txt (for Python 3.10 to 3.13) and dashboard/package-lock.json
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.10 --no-header --no-annotate \
	    --no-emit-index-url --group development --group measured --group running --group site pyproject.toml \
	    --output-file constraints.txt
	@cd dashboard && npm install --package-lock-only --ignore-scripts

clean: ## remove what can be made again; results/ and upstream/ stay
	@rm -rf $(ENVIRONMENT) .asv html dashboard/node_modules .pytest_cache .mypy_cache .ruff_cache
