"""Airflow for the tests of the DAGs."""

from __future__ import annotations

import pytest

from tests.helpers import airflow_home


@pytest.fixture(autouse=True, scope="session")
def airflow_database() -> None:
    """A database, empty but for what these tests leave in it."""
    airflow_home.make_database()
