"""Sluice's pages in Airflow's UI: a report's tab on the task, the run and the DAG, and a page for MLflow
runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.plugins_manager import AirflowPlugin

from sluice_airflow.links import PREFIX

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import Receive, Scope, Send


class Lazily:
    """Build the pages at the first request: every process of Airflow imports this file, only the API server
    needs FastAPI.
    """

    app: FastAPI | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request (ASGI)."""
        if self.app is None:
            from sluice_airflow.pages import build

            self.app = build()
        await self.app(scope, receive, send)


class SluicePlugin(AirflowPlugin):
    """Registers the pages; Airflow shows each view as a tab, for every DAG."""

    name = "sluice"
    fastapi_apps: list[Any] = [{"app": Lazily(), "url_prefix": PREFIX, "name": "Sluice"}]  # noqa: RUF012  (so declared by Airflow)
    external_views: list[Any] = [  # noqa: RUF012  (so declared by Airflow)
        {
            "name": "Report",
            "href": f"{PREFIX}/reports/{{DAG_ID}}/{{RUN_ID}}/{{TASK_ID}}/{{MAP_INDEX}}",
            "destination": "task_instance",
            "url_route": "sluice-report",
        },
        {
            "name": "Reports",
            "href": f"{PREFIX}/reports/{{DAG_ID}}/{{RUN_ID}}",
            "destination": "dag_run",
            "url_route": "sluice-run-reports",
        },
        {
            "name": "Reports",
            "href": f"{PREFIX}/reports/{{DAG_ID}}",
            "destination": "dag",
            "url_route": "sluice-dag-reports",
        },
    ]
