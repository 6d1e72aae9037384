"""A cluster that cannot start: the first service that misses something says what, and nothing is left
running.
"""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from scripts.cluster.local.cluster import Cluster, NotStarted
from scripts.cluster.local.places import Places


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def test_a_database_that_is_not_there_ends_the_start_with_a_sentence(tmp_path: Path) -> None:
    cluster = Cluster(Places(folder=tmp_path, port=free_port(), postgres="127.0.0.1:1"))
    with pytest.raises(NotStarted) as refused, cluster:
        pytest.fail("it has started")
    assert "init ended with 1" in str(refused.value)
    assert (
        "the database of POSTGRES_ADMIN_URL, postgresql://postgres:***@127.0.0.1:1/postgres, cannot be used"
        in str(refused.value)
    )
    assert cluster.secrets["POSTGRES_PASSWORD"] not in str(refused.value)
    assert [process.name for process in cluster.processes.values() if process.tree()] == []


def test_a_services_own_folder_holds_no_secret_of_the_laptop(tmp_path: Path) -> None:
    """Airflow's home is a copy, in which `airflow.cfg` finds no file to read a key from."""
    cluster = Cluster(Places(folder=tmp_path, port=free_port(), postgres="127.0.0.1:1"))
    with pytest.raises(NotStarted), cluster:
        pytest.fail("it has started")
    assert sorted(path.name for path in cluster.places.home.iterdir()) == ["airflow.cfg", "dags", "plugins"]
    worker = cluster.service("worker", 1).environment
    told = " ".join(worker.values())
    for name in (
        "JWT_SECRET",
        "FERNET_KEY",
        "AIRFLOW_DB_PASSWORD",
        "MLFLOW_DB_PASSWORD",
        "POSTGRES_PASSWORD",
        "ADMIN_PASSWORD",
    ):
        assert cluster.secrets[name] not in told
    for name in ("S3_SECRET_KEY", "CELERY_DB_PASSWORD"):
        assert cluster.secrets[name] in told
