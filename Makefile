# Needs Python 3.11 or newer, make and git; everything else is set up on the first call.
# Another Python: make lab PYTHON=python3.12   Options of the lab: make lab ARGS="--port 9000"
PYTHON ?= python3
UV_VERSION := 0.13.9
ARGS ?=
VENV := .venv
RUN := $(VENV)/bin/python -m
NOTEBOOKS = $(wildcard notebooks/*.ipynb solutions/*/*.ipynb)

.DEFAULT_GOAL := help
.PHONY: help lab test site lite refresh release bench format nbdime clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile

lab: $(VENV)/.ready-lab ## open the course in JupyterLab
	@$(RUN) reglib.cli lab $(ARGS)

# In the order of their names the longest files come early and the notebooks, all short, last.
test: $(VENV)/.ready-test ## lint, run every test, compare every stored notebook
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(RUN) pytest -q -rs -n auto --dist loadfile \
		--no-loadscope-reorder --doctest-modules --nbval --nbval-cell-timeout 120 tests reglib $(NOTEBOOKS)

site: $(VENV)/.ready-site ## build the course as pages that need no server: build/site/index.html
	$(RUN) docs.site.stage build/pages
	$(RUN) sphinx -q -W --keep-going -c docs/site build/pages build/site

lite: $(VENV)/.ready-lite ## build the course for JupyterLite, which needs internet to be viewed: build/lite
	$(RUN) docs.site.lite build/lite

refresh: $(VENV)/.ready-test ## run notebooks/ and solutions/ again and store their outputs
	$(RUN) reglib.cli refresh $(ARGS)

release: $(VENV)/.ready-test ## build exercises/ from solutions/
	$(RUN) reglib.cli release $(ARGS)

bench: $(VENV)/.ready-bench ## run every benchmark and write the tables of docs/ (an hour)
	$(RUN) benchmarks.augment
	$(RUN) benchmarks.network
	$(RUN) benchmarks.effects
	$(RUN) benchmarks.grading
	$(RUN) benchmarks.latency

format: $(VENV)/.ready-test ## format the code of modules and notebooks
	$(RUN) ruff check --fix .
	$(RUN) ruff format .

nbdime: $(VENV)/.ready-test ## let git in this folder show differences of notebooks cell by cell
	git config diff.jupyternotebook.command "$(VENV)/bin/git-nbdiffdriver diff"
	git config merge.jupyternotebook.driver "$(VENV)/bin/git-nbmergedriver merge %O %A %B %L %P"
	git config merge.jupyternotebook.name "jupyter notebook merge driver"

clean: ## remove the environment and caches; my/ stays
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis build dist *.egg-info
	find reglib benchmarks docs tests notebooks solutions exercises -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

# The environment: Python's own venv, uv inside it, the locked versions. Stamps make it quick.
$(VENV)/.uv-$(UV_VERSION):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "This course needs Python 3.11 or newer, and $(PYTHON) is %d.%d. Try: make $(MAKECMDGOALS) PYTHON=python3.12" % sys.version_info[:2])'
	@echo "Setting up in $(VENV): this is done once, and takes a minute or two."
	@$(PYTHON) -m venv $(CLEAR) $(VENV)
	@$(RUN) pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

# A folder that was moved is set up anew, because the programs in it name the old place.
PLACE := $(shell cat $(VENV)/.place 2>/dev/null)
ifneq ($(PLACE),$(CURDIR))
.PHONY: $(VENV)/.uv-$(UV_VERSION)
CLEAR := $(if $(PLACE),--clear)
endif

# --inexact: the lab never takes away what the tests need.
$(VENV)/.ready-test: EXTRA := --extra test
$(VENV)/.ready-site: EXTRA := --extra site
$(VENV)/.ready-lite: EXTRA := --extra lite
$(VENV)/.ready-bench: EXTRA := --extra bench --extra test
$(addprefix $(VENV)/.ready-,lab test site lite bench): pyproject.toml uv.lock $(VENV)/.uv-$(UV_VERSION)
	@$(VENV)/bin/uv sync --quiet --locked --inexact $(EXTRA) --python $(VENV)/bin/python
	@touch $@ && echo "$(CURDIR)" > $(VENV)/.place
