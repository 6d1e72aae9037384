"""What a test of the cluster is given: all processes, a user of Airflow, and a look into the object store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import boto3
import psutil

from pipelines.storage.manifest import Manifest
from scripts.cluster.local.cluster import Cluster
from scripts.cluster.local.processes import Process
from tests.cluster.airflow import Airflow, Task
from tests.cluster.faulty_store import FaultyStore

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass
class Running:
    """Everything that a test may look at, kill and start again."""

    cluster: Cluster
    airflow: Airflow
    servers: dict[str, Process]  # postgres, redis
    faulty: FaultyStore  # between everybody and the object store
    seconds: float  # until everything was well

    def memory(self) -> dict[str, float]:
        """Process -> megabytes that it and all that it has started hold (PSS: what is shared counts once)."""
        held = {}
        for name, process in {**self.cluster.processes, **self.servers}.items():
            tree = process.tree()
            if tree:
                held[name] = sum(_pss(one) for one in tree) / 1e6
        return held

    def run(self, dag: str, partition: date, seconds: float = 300) -> list[Task]:
        """Run a DAG to its end, which has to be a good one."""
        self.airflow.wait_for_dag(dag)
        run = self.airflow.trigger(dag, partition)
        state = self.airflow.wait_for_run(dag, run, seconds)
        tasks = self.airflow.tasks(dag, run)
        logs = [self.airflow.log(dag, run, task)[-2000:] for task in tasks if task.state == "failed"]
        assert state == "success", "\n".join(logs)
        return tasks

    def manifest(self, table: str) -> Manifest:
        """The manifest of a published table, `<use case>/<kind>/<partition>/<table>`."""
        found = self.store().get_object(Bucket="sluice", Key=f"data/{table}/manifest.json")["Body"].read()
        return Manifest.from_json(found)

    def files(self, folder: str) -> dict[str, bytes]:
        """Everything below a folder of the data root, by its name there."""
        client, prefix = self.store(), f"data/{folder}/"
        pages = client.get_paginator("list_objects_v2").paginate(Bucket="sluice", Prefix=prefix)
        keys = [found["Key"] for page in pages for found in page.get("Contents", ())]
        return {
            key.removeprefix(prefix): client.get_object(Bucket="sluice", Key=key)["Body"].read()
            for key in keys
        }

    def remove(self, folder: str) -> None:
        """Remove everything below a folder of the data root."""
        client = self.store()
        for name in self.files(folder):
            client.delete_object(Bucket="sluice", Key=f"data/{folder}/{name}")

    def store(self) -> S3Client:
        """A client of the object store."""
        return boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self.cluster.places.store_port}",
            aws_access_key_id=self.cluster.secrets["S3_ACCESS_KEY"],
            aws_secret_access_key=self.cluster.secrets["S3_SECRET_KEY"],
            region_name="us-east-1",
        )


def _pss(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().pss)
    except psutil.Error:
        return 0.0
