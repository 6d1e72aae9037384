"""A button is there when the task has left what it leads to, and its address holds any name."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sluice_airflow import links

KEY: Any = SimpleNamespace(
    dag_id="a b", run_id="manual__2026-02-01T00:00:00+00:00", task_id="score", map_index=3
)


@pytest.mark.parametrize(
    ("link", "left", "address"),
    [
        (links.ReportLink(), {}, ""),
        (
            links.ReportLink(),
            {links.REPORT: "reports/raw.html"},
            "/sluice/reports/a%20b/manual__2026-02-01T00%3A00%3A00%2B00%3A00/score/3",
        ),
        (links.MlflowLink(), {}, ""),
        (links.MlflowLink(), {links.MLFLOW_RUN: None}, ""),
        (links.MlflowLink(), {links.MLFLOW_RUN: "0/1"}, "/sluice/mlflow/a%20b/0%2F1"),
    ],
)
def test_an_address_is_there_for_what_was_left(link: Any, left: dict[str, Any], address: str) -> None:
    assert link.get_link(SimpleNamespace(left=left), ti_key=KEY) == address
