"""Sluice's numbers beside Airflow's own, by whichever way Airflow is configured to send its metrics
(OpenTelemetry, StatsD), or not at all.

All are gauges, `sluice.<name>`: a task's process sends what it has found and is gone, so nothing could count
up in it.
"""

from __future__ import annotations

from collections.abc import Mapping

from airflow.sdk.observability import stats

from pipelines.core.config import Kind


def emit(use_case: str, kind: Kind, numbers: Mapping[str, float], **tags: str) -> None:
    """Send what a task has found.

    Args:
        use_case: whose task it is.
        kind: of which kind of run.
        numbers: name -> value.
        tags: what tells the task from others.
    """
    for name, value in numbers.items():
        # As a float: OpenTelemetry's exporter drops a whole batch in which one value is True.
        stats.gauge(f"sluice.{name}", float(value), tags={"use_case": use_case, "kind": kind, **tags})
