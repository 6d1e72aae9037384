"""A cluster for the tests: docker-compose.yaml without containers, on a PostgreSQL and a Redis of its own."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.cluster import env
from scripts.cluster.local.cluster import Cluster
from scripts.cluster.local.places import Places
from tests.cluster import world as given
from tests.cluster.airflow import Airflow, Task
from tests.cluster.faulty_store import FaultyStore
from tests.cluster.running import Running
from tests.helpers import servers, tiny

# From here on seven ports are taken, on loopback.
PORT = int(os.environ.get("SLUICE_TEST_PORT", "18080"))


@pytest.fixture(scope="session")
def world() -> Iterator[Running]:
    """A cluster that is up, with three use cases."""
    folder = Path(tempfile.mkdtemp(prefix="sluice-cluster-"))
    places = Places(folder=folder, port=PORT, postgres=f"127.0.0.1:{PORT + 4}", database_prefix="")
    env.write(folder / ".env")
    secrets = env.read(folder / ".env")
    given.write(folder / "use_cases", given.SLICED, "many")
    given.write(folder / "use_cases", given.CHANGING, "changing")
    (folder / "use_cases" / f"{tiny.NAME}.yaml").write_text(tiny.YAML)
    with (
        servers.postgres(PORT + 4, secrets["POSTGRES_PASSWORD"]) as postgres,
        servers.redis(PORT + 5, secrets["REDIS_PASSWORD"]) as redis,
    ):
        store = FaultyStore(PORT + 6, behind=places.store_port)
        store.start()
        values = {
            "S3_URL": f"http://127.0.0.1:{store.port}",
            "BROKER_URL": f"redis://:{secrets['REDIS_PASSWORD']}@127.0.0.1:{PORT + 5}/0",
            "SLUICE_USE_CASES": str(folder / "use_cases"),
            "SLUICE_DATA": "s3://sluice/data",
        }
        begun = time.monotonic()
        with Cluster(places, values=values) as cluster:
            seconds = time.monotonic() - begun
            airflow = Airflow(places.ui, secrets["ADMIN_PASSWORD"])
            yield Running(cluster, airflow, {"postgres": postgres, "redis": redis}, store, seconds)
        store.stop()
    left = [process.cmdline() for one in cluster.processes.values() for process in one.tree()]
    assert left == [], "the cluster is stopped, and something still runs"
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def sliced_night(world: Running) -> list[Task]:
    """The tasks of a night that is scored in sixteen slices, as they have ended."""
    world.run(f"{given.SLICED}_training", given.TRAINING)
    return world.run(f"{given.SLICED}_scoring", given.NIGHT, seconds=600)
