"""Airflow's API server as a cluster runs it: FabAuthManager, and users, roles and metadata in PostgreSQL.

A process of its own, since Airflow reads its configuration once: `python -m tests.plugins.fab_server PORT
DATABASE`. It leaves what `lived_in` leaves, and one user a role whose name is the role's; then it serves
until somebody stops it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.helpers import airflow_home, tiny

PASSWORD = airflow_home.LOGIN["password"]
ROLES = ("Admin", "Op", "User", "Viewer")
LIMITED = "DriftOnly"  # a role that may read the drift DAG, and no other
REPORT = "<h1>a week</h1>"
YAML = tiny.YAML + "schedule: {scoring: 0 2 * * *}\n"  # without a schedule, there is no backfill


def lived_in(place: Path, patch: pytest.MonkeyPatch) -> str:
    """A run of the drift DAG of the tiny use case, whose step has left a report; returns the run's id."""
    from pipelines import flow, runner
    from pipelines.run.plan import Outcome
    from pipelines.run.run import Run
    from tests.helpers.dag_runs import dag_run, steps

    use_cases = place / "use_cases"
    use_cases.mkdir()
    (use_cases / f"{tiny.NAME}.yaml").write_text(YAML)
    for name, value in {
        "SLUICE_USE_CASES": use_cases,
        "SLUICE_DATA": place / "data",
        "SLUICE_VAR": place / "var",
    }.items():
        patch.setenv(name, str(value))
    patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{place}/mlflow.db")

    def reporting(run: Run) -> Outcome:
        return Outcome("drift", report=run.write_report("drift", REPORT))

    patch.setattr(flow, "STEPS", steps(drift=reporting))
    patch.setattr(runner, "gate", lambda run, table: Outcome("no report"))
    run = dag_run("drift")
    assert run.state == "success"
    return str(run.run_id)


def make_users() -> None:
    """One user a role of Airflow's own, and one of a role that may read the drift DAG alone."""
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    with get_application_builder() as builder:
        security = builder.sm
        security.sync_roles()
        reads = [("can_read", what) for what in ("Website", "DAG Runs", "Task Instances", "XComs")]
        security.bulk_sync_roles([{"role": LIMITED, "perms": reads}])
        security.sync_perm_for_dag(f"{tiny.NAME}_drift", {LIMITED: {"DAGs": {"can_read"}}})
        for role in (*ROLES, LIMITED):
            name = role.lower()
            security.add_user(name, name, name, f"{name}@localhost", security.find_role(role), PASSWORD)


def serve(port: str, database: str) -> None:
    """Set what a cluster sets, before Airflow is imported; then serve."""
    os.environ |= {
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__API__SECRET_KEY": "for these tests only",
    }
    airflow_home.make_database()
    make_users()
    with pytest.MonkeyPatch.context() as patch:
        lived_in(airflow_home.HOME, patch)
        import uvicorn
        from airflow.api_fastapi.app import create_app

        uvicorn.run(create_app("core"), host="127.0.0.1", port=int(port), log_level="warning")


if __name__ == "__main__":
    serve(*sys.argv[1:])
