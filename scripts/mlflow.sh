#!/usr/bin/env bash
# MLflow's own UI, with the login of Airflow's, in the foreground until Ctrl-C.
set -euo pipefail
umask 077
password=$(python -c "import json; print(json.load(open('var/users.json'))['admin'])")

# MLflow keeps the first password that it is given. Made afresh, its only user follows var/users.json.
rm -f var/mlflow-users.db*
cat > var/mlflow-auth.ini <<END
[mlflow]
default_permission = READ
database_uri = sqlite:///$PWD/var/mlflow-users.db
END
export MLFLOW_AUTH_CONFIG_PATH="$PWD/var/mlflow-auth.ini" MLFLOW_AUTH_ADMIN_USERNAME=admin MLFLOW_AUTH_ADMIN_PASSWORD="$password"
MLFLOW_FLASK_SERVER_SECRET_KEY=$(< var/secret_key)
export MLFLOW_FLASK_SERVER_SECRET_KEY MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false

echo "MLflow's UI: http://localhost:5000   login: admin / $password   stop: Ctrl-C"
exec mlflow server --app-name basic-auth --host 127.0.0.1 --port 5000 --workers 1 --backend-store-uri "sqlite:///$PWD/var/mlflow.db"
