#!/usr/bin/env bash
# Take the README's pictures from the real UI, in headless Chromium. Needs `make demo` to have run, Debian's chromium, and node.
set -euo pipefail
command -v chromium > /dev/null || { echo "chromium is not installed: apt-get install chromium"; exit 1; }
[ -d var/node/node_modules/playwright-core ] || npm install --silent --no-fund --no-audit --prefix var/node playwright-core

setsid airflow api-server > var/screenshots.log 2>&1 &
server=$!
trap 'kill -TERM -- -$server 2> /dev/null || true' EXIT
for _ in $(seq 60); do
  curl -fsS http://127.0.0.1:8080/api/v2/monitor/health > /dev/null 2>&1 && break
  sleep 1
done
NODE_PATH=var/node/node_modules node scripts/screenshots.cjs
