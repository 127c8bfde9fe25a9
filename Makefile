# make reproduce            everything at the mini scale: .venv, data, 28 networks, tables, figures, the page
# make reproduce SCALE=camvid
# make test                 unit and workflow tests
# make test-all             also tests with killed processes, local servers, and a real Slurm if there is one
# make venv                 only the environment .venv
# make clean                remove the reports of every scale (`snakemake --cores 1 report` redraws them)

PYTHON ?= python3
SCALE ?= mini
CORES ?= all
BIN := .venv/bin
# Two processes with a thread each; the tests of a file share what is made for them, and the longest files come first.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: venv reproduce test test-unit test-all check clean

venv: .venv/ready

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "make: Python 3.11 or newer is needed; name one with make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "make: Python's venv module is missing; install it (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@echo "installing into .venv: a few minutes, 6 GB on Linux"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

reproduce: venv
	$(BIN)/python workflow/start.py --cores $(CORES) --config scale=$(SCALE)
	@$(BIN)/python -m acnet report tally --scale $(SCALE)

test: venv
	$(PYTEST) tests/workflow tests/readers tests/unit

test-unit: venv
	$(PYTEST) tests/unit

# Tests with kills, servers and a real Slurm depend on time: those that fail on a busy machine are run once more, alone.
test-all: test
	$(PYTEST) tests/remotes tests/survival || $(BIN)/python -m pytest --last-failed tests/remotes tests/survival
	$(BIN)/python -m pytest -n 3 --dist loadgroup tests/cluster || $(BIN)/python -m pytest --last-failed tests/cluster

check: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

clean:
	rm -rf $(patsubst params/scales/%.yaml,reports/%,$(wildcard params/scales/*.yaml))
	@echo "results/, data/ and logs/ are kept; acnet gc lists what can be removed there"
