"""Sluice's core: steps, gates and storage of batch machine learning. It knows no Airflow."""

import os

# Libraries read these when they are first imported. They stand here, and nowhere else, since every way in
# which a task may start (command line, Airflow's forkserver, a plain fork, a test) imports this package
# before any of them.
for switch, value in {
    # OpenMP threads spin while they wait: two of them on a busy machine made XGBoost ten times slower. And a
    # process that is forked after its parent has used OpenMP hangs, unless the parent has but one thread. So
    # OpenMP gets one; what runs in parallel are tasks, shards, and threads of our own that call libraries
    # side by side.
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    # MLflow: no telemetry, no log handlers of its own (in Airflow each of its lines would show as an error),
    # no addresses and progress bars on standard output.
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # A server that is away is waited for by a minute of growing pauses; by MLflow's 7 it would be four.
    # Airflow's retries follow.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "5",
    # Nor do others phone home, or draw progress bars into the logs of tasks.
    "DO_NOT_TRACK": "true",
    "DVC_NO_ANALYTICS": "1",
    "ITERATIVE_DO_NOT_TRACK": "1",
    "EVIDENTLY_DISABLE_TELEMETRY": "1",
    "TQDM_DISABLE": "1",
}.items():
    os.environ.setdefault(switch, value)

# What a run writes holds rows: it is its user's alone, whoever writes it. DVC asks for the umask when it is
# imported, once.
os.umask(os.umask(0o077) | 0o077)

__version__ = "0.1.0"
