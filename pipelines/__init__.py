"""Sluice's core: steps, gates and storage of batch machine learning. It knows no Airflow."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    import duckdb

    from pipelines.core.config import Kind

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


def read(
    use_case: str,
    table: str,
    first: str | date,
    last: str | date,
    *,
    kind: Kind | None = None,
    personal: bool = False,
) -> duckdb.DuckDBPyRelation:
    """Read the published rows of a table over some partitions, in a notebook: as `sluice read` does.

    The rows are those whose gates have let them through; what is closed or missing is logged as a warning.
    They are a relation of DuckDB's default connection, so that `duckdb.sql` finds it by the name of its
    variable; `.df()` makes a pandas frame of it, `.to_arrow_reader()` a stream of any length.

    Args:
        use_case: The use case.
        table: `predictions`, `features`, `clean`, `quarantine`, `drift`, `performance`, ...
        first: The first partition, such as 2026-03-01.
        last: The last one, which is read, too.
        kind: Of which runs, where several have such a table; nights by default.
        personal: Whether personal values are not masked.

    Raises:
        SluiceError: there is nothing to read, and why.
    """
    from pipelines.commands import read as reading

    return reading.in_notebook(use_case, table, str(first), str(last), kind, personal)
