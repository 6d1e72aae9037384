"""Sluice's core: steps, gates and storage of batch machine learning. It knows no Airflow."""

import os

# MLflow reads these when it is first imported: no telemetry, no log handlers of its own (in Airflow each of its lines
# would show as an error), no addresses and progress bars on standard output.
for switch, value in {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}.items():
    os.environ.setdefault(switch, value)

__version__ = "0.1.0"
