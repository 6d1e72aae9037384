#!/usr/bin/env bash
# Make this checkout's secrets, its login and its databases, once. Run by `make setup`.
set -euo pipefail
exec python -m scripts.prepare
