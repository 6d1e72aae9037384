"""Who we are at the object store, where Airflow keeps that as the connection `sluice_storage`."""

from __future__ import annotations

import os

from airflow.sdk.exceptions import AirflowNotFoundException

from pipelines.storage import places
from pipelines.storage.backends.s3 import S3
from pipelines.storage.settings import Settings

NAME = S3.connection.removeprefix("AIRFLOW_CONN_").lower()


def know_in_task() -> None:
    """Let this task's process know the connection, if the data lie in a bucket and its environment does not
    say it already.

    Without such a connection, boto3 looks where it always looks.
    """
    from airflow.sdk import Connection

    if _is_asked_for():
        try:
            os.environ[S3.connection] = Connection.get(NAME).as_json()
        except AirflowNotFoundException:
            return


def know_in_server() -> None:
    """The same for the API server, which looks into its own database."""
    from airflow.models.connection import Connection

    if _is_asked_for():
        try:
            os.environ[S3.connection] = Connection.get_connection_from_secrets(NAME).as_json()
        except AirflowNotFoundException:
            return


def _is_asked_for() -> bool:
    variable = places.at(Settings.from_env().data).connection
    return variable is not None and not os.environ.get(variable)
