#!/usr/bin/env bash
# Run Airflow's processes (Procfile) in the foreground until Ctrl-C; none of them outlives this script.
set -euo pipefail
echo "Airflow's UI: http://localhost:8080   login: admin / $(python -c "import json; print(json.load(open('var/users.json'))['admin'])")   stop: Ctrl-C"
honcho start || [ $? -eq 130 ]  # 130: stopped by Ctrl-C, as intended
