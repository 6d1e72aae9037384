#!/usr/bin/env bash
# Everything that can be said of the code without running it. Types take as long as all the rest, so that goes on beside them.
set -euo pipefail
ruff check .
ruff format --check .
mypy &
types=$!
trap 'kill "$types" 2> /dev/null || true' EXIT
lint-imports --no-logo
python -m pytest tests/test_layers.py
python -m pipelines check
python scripts/docs.py --check
python -m scripts.cluster.check
wait "$types"
