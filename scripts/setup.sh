#!/usr/bin/env bash
# Make this checkout's secrets, its login and its databases, once. Run by `make setup`.
set -euo pipefail
umask 077
mkdir -p var
chmod 700 var  # a run may have made it before: logs and databases beneath it are nobody else's, whatever their own modes

secret() { [ -s "var/$1" ] || python -c "import secrets; print(secrets.token_urlsafe(64))" > "var/$1"; }
secret jwt_secret
secret secret_key
[ -s var/fernet_key ] || python -c "import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())" > var/fernet_key

if [ ! -s var/users.json ]; then
  python -c "import json, secrets; print(json.dumps({'admin': secrets.token_urlsafe(9)}))" > var/users.json
  echo "Login of the UI (kept in var/users.json): admin / $(python -c "import json; print(json.load(open('var/users.json'))['admin'])")"
fi

echo "Setting up Airflow's and MLflow's databases"
mlflow db upgrade "sqlite:///$PWD/var/mlflow.db" > var/setup-mlflow.log 2>&1 &
mlflow=$!
airflow db migrate > var/setup-airflow.log 2>&1 || { tail -20 var/setup-airflow.log; exit 1; }
# Half of airflow.cfg's parallelism: trainings leave room for nights. See plugins/sluice_airflow/dags.py.
airflow pools set sluice_training 2 "Trainings, so that they leave workers to the nights" >> var/setup-airflow.log 2>&1 || { tail -20 var/setup-airflow.log; exit 1; }
wait $mlflow || { tail -20 var/setup-mlflow.log; exit 1; }
