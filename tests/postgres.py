"""Databases of the tests' own, on the PostgreSQL that SLUICE_TEST_POSTGRES names: made for a test, and dropped after it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

SERVER = sa.make_url(os.environ.get("SLUICE_TEST_POSTGRES", "postgresql://postgres:s3cret@127.0.0.1:5432/postgres"))


@contextmanager
def database(name: str) -> Iterator[sa.URL]:
    """An empty database, whose name no other process takes."""
    own = f"{name}_{os.getpid()}"
    server = sa.create_engine(SERVER, isolation_level="AUTOCOMMIT")
    with server.connect() as session:
        session.execute(sa.text(f"CREATE DATABASE {own}"))
    try:
        yield SERVER.set(database=own)
    finally:
        with server.connect() as session:
            session.execute(sa.text(f"DROP DATABASE {own} WITH (FORCE)"))
        server.dispose()
