"""Everything that has to be there before the services start.

It may run again at any time, and changes nothing then.

Run by the service `init`: databases and their owners, both schemas, the bucket, and the first login.
"""

from __future__ import annotations

import os
import subprocess
import sys
from urllib.parse import urlsplit

from psycopg import Connection, connect, sql

from pipelines.core.errors import SluiceError

OWNED = ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "CELERY_DATABASE_URL", "MLFLOW_BACKEND_STORE_URI")


def main() -> None:
    """Make all of it, in order."""
    with connect(os.environ["POSTGRES_ADMIN_URL"], autocommit=True, connect_timeout=10) as admin:
        for variable in OWNED:
            make_database(admin, os.environ[variable])
    migrate_airflow()
    migrate_mlflow(os.environ["MLFLOW_BACKEND_STORE_URI"])
    for variable in ("SLUICE_DATA", "MLFLOW_ARTIFACTS_DESTINATION"):
        make_bucket(os.environ.get(variable, ""))
    make_login(os.environ["ADMIN_PASSWORD"])
    make_pool(int(os.environ["TRAINING_SLOTS"]))


def make_database(admin: Connection[tuple[object, ...]], url: str) -> None:
    """Make a database and its owner, whom alone it lets in.

    Give the owner the password that the address has now.
    """
    parts = urlsplit(url)
    owner, database = sql.Identifier(parts.username or ""), parts.path.removeprefix("/")
    if not admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (parts.username,)).fetchone():
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN").format(owner))
    admin.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(owner, sql.Literal(parts.password)))
    if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone():
        admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(database), owner))
    admin.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))
    print(f"database {database}: there", flush=True)


def migrate_airflow() -> None:
    """Bring Airflow's tables up to the installed version.

    Raises:
        SluiceError: Airflow could not; with the end of what it said.
    """
    done = subprocess.run(["airflow", "db", "migrate"], capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-5:]
        raise SluiceError(
            f"airflow db migrate ended with {done.returncode}",
            details=said,
            fix="mend its cause, and run it again",
        )
    print("Airflow's tables: migrated", flush=True)


def migrate_mlflow(url: str) -> None:
    """Bring MLflow's tables up to the installed version.

    Not by a command, whose arguments every process can read.
    """
    from mlflow.db import commands

    commands.main(["upgrade", url], standalone_mode=False)
    print("MLflow's tables: migrated", flush=True)


def make_bucket(url: str) -> None:
    """Make the bucket of an address `s3://bucket/prefix`; a folder needs none."""
    if not url.startswith("s3://"):
        return
    import boto3
    from botocore.exceptions import ClientError

    bucket, client = urlsplit(url).netloc, boto3.client("s3")
    try:
        client.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
            raise SluiceError(
                str(error), where=f"bucket {bucket}", fix="make it, or correct its name or keys"
            ) from error
        client.create_bucket(Bucket=bucket)
    print(f"bucket {bucket}: there", flush=True)


def make_login(password: str) -> None:
    """Make the user "admin" unless there is one.

    Not by `airflow users`, whose arguments every process can read.
    """
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    with get_application_builder() as builder:
        users = builder.sm
        if not users.find_user(username="admin"):
            users.add_user("admin", "Sluice", "Admin", "admin@localhost", users.find_role("Admin"), password)
    print("login admin: there", flush=True)


def make_pool(slots: int) -> None:
    """Make the pool that leaves workers to the nights; see plugins/sluice_airflow/dags.py."""
    from airflow.models.pool import Pool

    Pool.create_or_update_pool(
        "sluice_training",
        slots,
        "Trainings, so that they leave workers to the nights",
        include_deferred=False,
    )
    print(f"pool sluice_training: {slots} slots", flush=True)


if __name__ == "__main__":
    try:
        main()
    except SluiceError as problem:
        sys.exit(str(problem))
