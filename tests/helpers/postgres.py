"""Databases of the tests' own, on the PostgreSQL that SLUICE_TEST_POSTGRES names: made for a test, and
dropped after it.

Without that variable it is the one of this machine; tests are skipped if there is none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
import sqlalchemy as sa

NAMED = os.environ.get("SLUICE_TEST_POSTGRES")
SERVER = NAMED or "postgresql://postgres:s3cret@127.0.0.1:5432/postgres"


@contextmanager
def database() -> Iterator[sa.Engine]:
    """Make a database, and drop it in the end.

    Engines open no connection that outlives its use: tests fork.
    """
    name = f"sluice_test_{uuid4().hex[:12]}"
    server = sa.create_engine(SERVER, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    try:
        with server.connect() as session:
            session.exec_driver_sql(f"CREATE DATABASE {name}")
    except sa.exc.OperationalError:
        if NAMED:
            raise
        pytest.skip("no PostgreSQL here: start one, or name one by SLUICE_TEST_POSTGRES")
    try:
        yield sa.create_engine(sa.make_url(SERVER).set(database=name), poolclass=sa.NullPool)
    finally:
        with server.connect() as session:
            session.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


def address(engine: sa.Engine) -> str:
    """The database's address, as Airflow writes it."""
    return engine.url.set(drivername="postgres").render_as_string(hide_password=False)
