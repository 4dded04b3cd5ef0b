# make demo   see it work on audio that it makes itself
# make serve  open the workbench: a local page to compare, look and listen
# make test   all tests
# make check  format, lint, types, spelling, pages: what CI runs besides the tests
# make docs   the documentation as a site: site/index.html
# make figures  run the commands of docs/figures.md and write what they print: an hour
# make bench  measured speed and memory, as a table
# make hostile  thousands of attacks, hours, and a report of what became of them: hostile.md
# make fuzz   the readers of headers, lists and JSON, ten minutes each, with atheris
# Each sets up .venv by itself, once. TORCH=torch make … takes torch's build for GPUs.

READY := .venv/.ready
DEV := .venv/.dev
BIN := .venv/bin
# `make check test` does both at once.
MAKEFLAGS += --jobs=2

.PHONY: demo serve test check docs figures format bench hostile fuzz clean

demo: $(READY)
	$(BIN)/cqtnet demo demo --force
	@echo 'To use cqtnet in this shell: . $(BIN)/activate'

serve: $(READY)
	$(BIN)/cqtnet serve --open

test: $(DEV)
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist worksteal

check: $(DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/python scripts/check-pages

docs: $(DEV)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build

figures: $(DEV)
	$(BIN)/python scripts/figures

format: $(DEV)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY)
	$(BIN)/cqtnet eval bench

hostile: $(DEV)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.hostile --report hostile.md

fuzz: $(DEV)
	$(BIN)/python -m pip install -q atheris
	for reader in headers lists json; do $(BIN)/python -m tests.hostile.fuzz $$reader -max_total_time=600 || exit 1; done

clean:
	rm -rf .venv demo site

$(READY): pyproject.toml scripts/setup
	scripts/setup .venv

$(DEV): pyproject.toml scripts/setup
	scripts/setup .venv dev
