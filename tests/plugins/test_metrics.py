"""Sluice's numbers, as they arrive at a collector of OpenTelemetry metrics: a real night and a real closed
gate, run by Airflow.
"""

from __future__ import annotations

import atexit
import gzip
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest
from airflow.sdk._shared.observability.metrics.otel_logger import flush_otel_metrics
from airflow.sdk.observability import stats
from airflow.sdk.observability.metrics import stats_utils
from opentelemetry.metrics import get_meter_provider
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from pipelines.storage.settings import Settings
from tests.helpers import tiny, two_champions
from tests.helpers.dag_runs import dag_run, states
from tests.plugins import sinks

NIGHT = date(2026, 2, 1)
Points = dict[tuple[str, str], float]  # (name, step) -> value


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[Any]]]:
    """Airflow's metrics as a task's process sets them up, and what a collector has been sent."""
    with sinks.http() as sink:
        monkeypatch.setenv("AIRFLOW__METRICS__OTEL_ON", "True")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{sink.port}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=False)

        def points() -> list[Any]:
            flush_otel_metrics()  # type: ignore[no-untyped-call]
            found = []
            for _, headers, body in sink.posts:
                request = ExportMetricsServiceRequest()
                request.ParseFromString(
                    gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body
                )
                for metric in (
                    metric
                    for of in request.resource_metrics
                    for scope in of.scope_metrics
                    for metric in scope.metrics
                ):
                    for point in metric.gauge.data_points:
                        tags = {tag.key: tag.value.string_value for tag in point.attributes}
                        found.append((metric.name, tags, point.as_double or point.as_int))
            return found

        yield points
        get_meter_provider().shutdown()  # type: ignore[attr-defined]  # while there is somebody to send to
        atexit.unregister(flush_otel_metrics)
        monkeypatch.undo()
        stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=False)


@pytest.fixture
def champion(two_champions: Settings, places: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A champion, and a place for nights of one's own."""
    (places / "data" / tiny.NAME).mkdir(parents=True)
    shutil.copy(two_champions.disk / tiny.NAME / "promotions.jsonl", places / "data" / tiny.NAME)
    monkeypatch.setenv("SLUICE_USE_CASES", str(two_champions.use_cases))
    monkeypatch.setenv("SLUICE_VAR", str(two_champions.var))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", two_champions.mlflow)
    yield
    delivered.clear()


delivered = two_champions.delivered


def sluices(points: list[Any]) -> Points:
    """The last value of each of our metrics."""
    ours = [(name, tags, value) for name, tags, value in points if name.startswith("airflow.sluice.")]
    assert {(tags["use_case"], tags["kind"]) for _, tags, _ in ours} == {("tiny", "scoring")}
    assert all(tags.get("table", "") == tags["step"].partition("gate_")[2] for _, tags, _ in ours)
    return {(name.removeprefix("airflow.sluice."), tags["step"]): value for name, tags, value in ours}


@pytest.mark.usefixtures("champion")
def test_a_nights_numbers_arrive(collected: Callable[[], list[Any]]) -> None:
    delivered[NIGHT] = tiny.payments(NIGHT)
    first = delivered[NIGHT].column_names.index("channel")
    odd = pc.if_else(pc.equal(delivered[NIGHT]["id"], "20260201-07"), "by post", delivered[NIGHT]["channel"])
    delivered[NIGHT] = delivered[NIGHT].set_column(first, "channel", odd)
    assert dag_run("scoring").state == "success"
    found = sluices(collected())
    assert {step: value for (name, step), value in found.items() if name == "rows"} == {
        "ingest": 40,
        "gate_raw": 40,
        "cleanse": 39,
        "gate_clean": 39,
        "past": 280,
        "gate_past": 280,
        "features": 39,
        "gate_features": 39,
        "publish": 39,
        "gate_predictions": 39,
    }
    assert found["quarantined_rows", "cleanse"] == 1
    assert {value for (name, _), value in found.items() if name == "gate_open"} == {1}
    assert {value for (name, _), value in found.items() if name == "failed_expectations"} == {0}
    assert found["newest_partition", "gate_predictions"] == datetime(2026, 2, 2, tzinfo=UTC).timestamp()
    seconds = {step: value for (name, step), value in found.items() if name == "seconds"}
    assert set(seconds) == {
        "ingest",
        "cleanse",
        "past",
        "features",
        "score",
        "publish",
        *(f"gate_{t}" for t in ("raw", "clean", "past", "features", "predictions")),
    }
    assert all(0 < value < 60 for value in seconds.values())


@pytest.mark.usefixtures("champion")
def test_a_closed_gate_is_a_number_too(collected: Callable[[], list[Any]]) -> None:
    rows = tiny.payments(NIGHT)
    costly = pc.greater(rows["amount"], 50)
    amounts = pc.if_else(costly, pc.negate(rows["amount"]), rows["amount"])
    delivered[NIGHT] = rows.set_column(rows.schema.get_field_index("amount"), "amount", amounts)
    assert states(dag_run("scoring"))["gate_clean"] == "failed"
    found = sluices(collected())
    assert found["gate_open", "gate_raw"] == 1
    assert found["gate_open", "gate_clean"] == 0
    assert found["failed_expectations", "gate_clean"] >= 1  # too many rows are in quarantine
    assert found["quarantined_rows", "cleanse"] == pc.sum(costly).as_py()
    assert ("rows", "features") not in found
