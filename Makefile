# `make` alone lists what there is.
PYTHON ?= python3
USECASE ?= card_fraud
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
RUN := . ./env.sh &&

.PHONY: help setup demo up cluster cluster-test compose-check env mlflow test proofs gates monitor check audit docs results screenshots lock clean

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: setup  ## a model's whole life on this machine: train, seven nights, drift, one poisoned night [USECASE=card_fraud]
	@$(RUN) python -m pipelines fetch $(USECASE) && python scripts/demo.py $(USECASE)

up: setup  ## Airflow with its UI on http://localhost:8080, until Ctrl-C
	@$(RUN) bash scripts/up.sh

cluster: setup  ## docker-compose.yaml without containers: two Celery workers, on this machine's PostgreSQL and Redis, until Ctrl-C
	@$(RUN) python -m scripts.cluster

cluster-test: setup  ## such a cluster, with a PostgreSQL and a Redis of its own: a night, every fault, many nights at once (SLUICE_LOAD=2x4)
	@$(RUN) python -m pytest tests/cluster -s --timeout 3000 -o faulthandler_timeout=2900

compose-check: setup  ## docker-compose.yaml against the Compose specification and the installed Airflow and MLflow
	@$(RUN) python -m scripts.cluster.check

env: setup  ## make .env for `docker compose up`: every secret with a value of its own
	@$(RUN) python -m scripts.cluster.env

mlflow: setup  ## MLflow's own UI on http://localhost:5000, until Ctrl-C
	@$(RUN) bash scripts/mlflow.sh

test: setup check  ## `make check` and all tests but the slow ones and those of the cluster, on every core
	@$(RUN) python -m pytest tests -m "not slow" --ignore=tests/cluster --numprocesses logical --dist worksteal

proofs: setup  ## the slow tests: whole use cases, and kills at every moment (SLUICE_PROOFS=0/3 does a third of them)
	@$(RUN) python -m pytest tests -m slow --ignore=tests/cluster --timeout 1800 -o faulthandler_timeout=1700 --numprocesses logical --dist worksteal

gates: setup  ## damage good data in every way: every gate must turn red (all use cases, or USECASE=name)
	@$(RUN) python -m pipelines gates test $(if $(filter command,$(firstword $(origin USECASE))),$(USECASE))

monitor: setup  ## draw years without change, and changes, of the use cases' own days: none too often red, each found (all, or USECASE=name)
	@$(RUN) python -m pipelines monitor test $(if $(filter command,$(firstword $(origin USECASE))),$(USECASE))

check: setup  ## style, types, layers, generated documents, use-case files
	@$(RUN) bash scripts/check.sh

audit: setup  ## ask whether the locked libraries have known vulnerabilities (fails, too, where nobody can be asked)
	@$(RUN) python -m scripts.audit

docs: setup  ## write the documents that are made from the code
	@$(RUN) python scripts/docs.py

results: setup  ## write the README's table of results from the demos run on this machine
	@$(RUN) python -m scripts.results

screenshots: setup  ## take the README's pictures from the real UI (needs chromium and node)
	@$(RUN) bash scripts/screenshots.sh

setup: .venv/installed .venv/bin/sluice var/ready  ## the environment from the lock, and Airflow's database

.venv/installed: requirements-uv.txt requirements.txt requirements-dev.txt
	@echo "Installing the locked environment into .venv"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Sluice needs Python 3.11 or later: make PYTHON=python3.11 ...")'
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.txt
	@.venv/bin/uv pip sync --quiet --compile-bytecode --python .venv/bin/python --require-hashes requirements-uv.txt requirements.txt requirements-dev.txt
	@touch $@

.venv/bin/sluice: .venv/installed pyproject.toml
	@.venv/bin/uv pip install --quiet --offline --no-deps --no-build-isolation --python .venv/bin/python --editable .
	@touch $@

var/ready: .venv/installed scripts/setup.sh scripts/prepare.py
	@$(RUN) bash scripts/setup.sh
	@touch $@

lock:  ## resolve requirements*.in into the locks, with hashes
	@for name in requirements-uv requirements requirements-dev; do \
	  .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url --no-emit-find-links \
	    --custom-compile-command 'make lock' $$name.in -o $$name.txt; done

clean:  ## remove everything that runs have made (the environment stays)
	@rm -rf var; find data -mindepth 1 ! -name .gitignore -delete
