# What every process of Sluice needs to know. Source it from the project's folder: `. ./env.sh`, then `airflow ...` works.
export AIRFLOW_HOME="$PWD" PYTHONPATH="$PWD" PATH="$PWD/.venv/bin:$PATH" LANG=C.UTF-8

# OpenMP threads spin while they wait: two of them on a busy machine made XGBoost ten times slower. And a process that forks
# after using OpenMP can hang: one thread each, and parallel tasks instead.
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE

# No library phones home.
export DO_NOT_TRACK=true MLFLOW_DISABLE_TELEMETRY=true DVC_NO_ANALYTICS=1 ITERATIVE_DO_NOT_TRACK=1 EVIDENTLY_DISABLE_TELEMETRY=1

# Progress bars and library chatter would stand as errors in Airflow's task logs.
export TQDM_DISABLE="${TQDM_DISABLE-1}" MLFLOW_CONFIGURE_LOGGING=false MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT=true
export MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR=false PYTHONWARNINGS="${PYTHONWARNINGS-ignore}"
