"""The plugin's pages: reports of tasks, runs and DAGs, and MLflow runs. All of them behind Airflow's login.

A report is shown on the same origin as Airflow, and values from the data stand in it. Its headers therefore
put it into a sandbox, without network and without scripts. Evidently's report needs its scripts, so that one
gets an origin of its own instead, where they find neither Airflow nor its cookies; a link on such a page
would lead to the login.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from airflow.api_fastapi.core_api.security import requires_access_dag
from airflow.models.dagrun import DagRun
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from fastapi import Depends, FastAPI
from fastapi import Path as FromPath
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import select

from pipelines.reports import pages
from pipelines.storage import places
from pipelines.storage.places import Place
from pipelines.storage.settings import Settings
from sluice_airflow import mlflow_runs, storage
from sluice_airflow.links import REPORT, mlflow_page, report_page

ALWAYS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
SANDBOX = {
    **ALWAYS,
    "Content-Security-Policy": (
        "sandbox allow-same-origin; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
}
SANDBOX_WITH_SCRIPTS = {
    **ALWAYS,
    "Content-Security-Policy": (
        "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; "
        "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; frame-ancestors 'self'"
    ),
}
WITH_SCRIPTS = "drift.html"
OWN_PAGE = {
    **ALWAYS,
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors"
        " 'self'"
    ),
}
LEAST_PARTS = 5  # <use case>/<kind>/<partition>/reports/<page>.html
MOST_REPORTS = 200  # of the latest runs, on a DAG's tab


@dataclass(frozen=True)
class Report:
    """A report that a task instance has left."""

    run_id: str
    task_id: str
    map_index: int
    path: str  # below the data root, as the task says
    address: str

    @property
    def partition(self) -> str:
        """The partition that it is about: `<use case>/<kind>/<partition>/reports/...`."""
        return self.path.split("/")[2] if self.path.count("/") > 2 else ""


def build() -> FastAPI:
    """The pages as an app, to be mounted under `links.PREFIX`."""
    # No documentation pages: they would stand outside of the login.
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    allowed = [Depends(requires_access_dag("GET"))]  # asks about the path's dag_id
    app.get("/reports/{dag_id}", dependencies=allowed)(of_dag)
    app.get("/reports/{dag_id}/{run_id}", dependencies=allowed)(of_run)
    app.get("/reports/{dag_id}/{run_id}/{task_id}/{page}.html", dependencies=allowed)(beside)
    app.get("/reports/{dag_id}/{run_id}/{task_id}/{map_index}", dependencies=allowed)(of_task)
    app.get("/mlflow/{dag_id}/{mlflow_run}", dependencies=allowed)(of_mlflow)
    return app


def of_dag(dag_id: str) -> HTMLResponse:
    """The reports of a DAG's latest runs."""
    return _own("reports.html.j2", title=f"Reports of {dag_id}", reports=_left(XComModel.dag_id == dag_id))


def of_run(dag_id: str, run_id: str) -> HTMLResponse:
    """The reports of one run."""
    return _own(
        "reports.html.j2",
        title=f"Reports of {run_id}",
        reports=_left(XComModel.dag_id == dag_id, XComModel.run_id == run_id),
    )


def of_task(dag_id: str, run_id: str, task_id: str, map_index: str) -> HTMLResponse:
    """The report of one task instance, or a page that says why there is none."""
    # Airflow leaves its placeholder as it is where a task is not mapped.
    index = int(map_index) if map_index.isdecimal() else -1
    left = _left(
        XComModel.dag_id == dag_id,
        XComModel.run_id == run_id,
        XComModel.task_id == task_id,
        XComModel.map_index == index,
    )
    return _report(dag_id, task_id, left[0].path if left else None)


def beside(dag_id: str, run_id: str, task_id: str, page: str) -> HTMLResponse:
    """A page beside a task's report, to which the report links by its name alone, as it does on disk."""
    left = _left(XComModel.dag_id == dag_id, XComModel.run_id == run_id, XComModel.task_id == task_id)
    return _report(
        dag_id, task_id, str(PurePosixPath(left[0].path).with_name(f"{page}.html")) if left else None
    )


def of_mlflow(dag_id: str, mlflow_run: Annotated[str, FromPath(pattern="^[0-9a-f]{32}$")]) -> HTMLResponse:
    """One MLflow run of the DAG's use case: parameters, metrics, tags and its nested runs."""
    found = mlflow_runs.find(Settings.from_env().mlflow, dag_id, mlflow_run)
    if found is None:
        return _own("no_mlflow_run.html.j2", status=404, dag_id=dag_id, mlflow_run=mlflow_run)
    return _own("mlflow_run.html.j2", run=found, address=lambda nested: mlflow_page(dag_id, nested))


def report_file(data: Place, dag_id: str, path: str) -> Place | None:
    """Where a report lies: a page in a `reports` folder of the DAG's own use case and kind, or nothing.

    The path comes from an XCom, which more people may write than may read the data.
    """
    named = PurePosixPath(path)
    parts = named.parts
    if (
        named.is_absolute()
        or ".." in parts
        or "\0" in path
        or len(parts) < LEAST_PARTS
        or parts[-2] != "reports"
        or named.suffix != ".html"
    ):
        return None
    if dag_id != f"{parts[0]}_{parts[1]}":
        return None
    file = data / path
    if isinstance(data, Path) and isinstance(file, Path) and not _is_its_own(data, file):
        return None
    return file if places.at(file).is_file() else None


def _is_its_own(data: Path, file: Path) -> bool:
    """Whether a file is none that lies elsewhere, too: no link is followed, not even one that stays below the
    data root.

    A link in the reports of one use case may lead to another's, which not everybody may see who may see the
    first.
    """
    # The data root itself may be a link; what lies below it is made by the store, which makes none.
    if file.resolve() != data.resolve() / file.relative_to(data):
        return False
    try:
        found = file.lstat()
    except OSError:
        return False
    if found.st_nlink == 1 or not stat.S_ISREG(found.st_mode):
        return stat.S_ISREG(found.st_mode)
    # A backup may have linked it as well; but in another partition's folder it is that one's.
    others = (other for other in data.glob("*/*/*/**/reports/*") if other.parent != file.parent)
    return not any(os.path.samestat(found, other.lstat()) for other in others)


def _report(dag_id: str, task_id: str, path: str | None) -> HTMLResponse:
    if path is None:
        return _own("no_report.html.j2", task_id=task_id, path=None)
    storage.know_in_server()
    file = report_file(Settings.from_env().data, dag_id, path)
    if file is None:
        return _own("no_report.html.j2", status=404, task_id=task_id, path=path)
    headers = SANDBOX_WITH_SCRIPTS if file.name == WITH_SCRIPTS else SANDBOX
    return HTMLResponse(places.at(file).read().decode(errors="replace"), headers=headers)


def _left(*conditions: Any) -> list[Report]:
    """The reports that tasks have left, newest run first and in the order of their making."""
    statement = (
        select(XComModel)
        .join(DagRun, XComModel.dag_run_id == DagRun.id)
        .where(XComModel.key == REPORT, *conditions)
        .order_by(DagRun.run_after.desc(), DagRun.id.desc(), XComModel.timestamp)
        .limit(MOST_REPORTS)
    )
    with create_session() as session:
        return [
            Report(
                x.run_id,
                x.task_id,
                x.map_index,
                str(XComModel.deserialize_value(x)),
                report_page(x.dag_id, x.run_id, x.task_id, x.map_index),
            )
            for x in session.scalars(statement)
        ]


def _own(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    environment = Environment(
        # Frame and style are those of the reports.
        loader=FileSystemLoader([Path(__file__).parent / "templates", Path(pages.__file__).parent]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = pages.number
    return HTMLResponse(
        environment.get_template(template).render(**values), status_code=status, headers=OWN_PAGE
    )
