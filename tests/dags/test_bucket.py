"""A night whose data lie in a bucket, by credentials that only Airflow knows: run, published, and its report
shown.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from urllib.parse import urlencode

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.models.connection import Connection
from airflow.utils.session import create_session

from pipelines.registry.history import History
from pipelines.run.run import Run
from pipelines.storage import places
from pipelines.storage.backends import s3_client
from pipelines.storage.backends.bucket_path import BucketPath
from pipelines.storage.backends.s3 import S3
from pipelines.storage.settings import ROOT, Settings
from sluice_airflow import pages, storage
from tests.helpers.s3 import Server

NIGHT = date(2026, 2, 1)
SECRET = "planted" + "9f3c1e"


@pytest.fixture
def night(
    two_champions: Settings, s3_server: Server, bucket: BucketPath, monkeypatch: pytest.MonkeyPatch
) -> BucketPath:
    """The environment of a worker that knows the bucket's name, and a connection in Airflow's database that
    knows the rest.
    """
    for name in s3_server.environment:
        monkeypatch.delenv(name)
    monkeypatch.setenv(s3_client.CONNECTION, "")  # so that what the task learns is forgotten afterwards
    monkeypatch.setenv("SLUICE_DATA", str(bucket))
    monkeypatch.setenv("SLUICE_USE_CASES", str(two_champions.use_cases))
    monkeypatch.setenv("SLUICE_VAR", str(two_champions.var))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", two_champions.mlflow)
    extra = urlencode(
        {"endpoint_url": s3_server.environment["AWS_ENDPOINT_URL_S3"], "region_name": "us-east-1"}
    )
    with create_session() as session:
        session.add(Connection(conn_id=storage.NAME, uri=f"aws://sluice:{SECRET}@/?{extra}"))
    s3_server.client().put_object(
        Bucket=bucket.bucket,
        Key=f"{bucket.key}/tiny/promotions.jsonl",
        Body=places.at(History.of(two_champions, "tiny").path).read(),
    )
    return bucket


def test_a_night_in_a_bucket_runs_by_the_connection_that_airflow_keeps(
    night: BucketPath, capfd: pytest.CaptureFixture[str]
) -> None:
    dag = DagBag(dag_folder=str(ROOT / "dags")).dags["tiny_scoring"]
    run = dag.test(logical_date=datetime.combine(NIGHT, time(), UTC))
    assert str(run.state) == "success"
    assert Run.open("tiny", "scoring", NIGHT).store.manifest("predictions").rows == 40
    found = pages._report(
        "tiny_scoring", "gate_predictions", "tiny/scoring/2026-02-01/reports/gate_predictions.html"
    )
    assert b"gate_predictions" in bytes(found.body)
    assert pages.report_file(night, "tiny_scoring", "tiny/scoring/2026-02-01/reports/missing.html") is None
    assert (
        pages.report_file(night, "tiny_training", "tiny/scoring/2026-02-01/reports/gate_predictions.html")
        is None
    )
    logged = capfd.readouterr()
    assert SECRET not in logged.out + logged.err
    assert all(SECRET.encode() not in S3(path).read() for path, _ in S3(night).files())
