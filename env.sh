# What a shell needs to know. Source it from the project's folder: `. ./env.sh`, then `airflow ...` works. What libraries read
# from the environment (threads, telemetry) is set by `pipelines/__init__.py`, however a process is started.
export AIRFLOW_HOME="$PWD" PYTHONPATH="$PWD" PATH="$PWD/.venv/bin:$PATH" LANG=C.UTF-8

# In the address of a database some signs mean something; airflow.cfg has the folder's name as it is.
case "$PWD" in *[%?]*) url=${PWD//%/%25} && export AIRFLOW__DATABASE__SQL_ALCHEMY_CONN="sqlite:///${url//\?/%3F}/var/airflow.db" ;; esac

# Every task is a process of its own. Where the environment forbids Python to keep what it has compiled, each compiles all anew.
unset PYTHONDONTWRITEBYTECODE

# Warnings of libraries would stand as errors in Airflow's task logs. Commands such as mlflow and dvc, run by hand, phone home otherwise.
export PYTHONWARNINGS="${PYTHONWARNINGS-ignore}" DO_NOT_TRACK=true MLFLOW_DISABLE_TELEMETRY=true DVC_NO_ANALYTICS=1
