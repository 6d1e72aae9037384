"""Who may do what, on a laptop (SimpleAuthManager, SQLite) and on a cluster (FabAuthManager, PostgreSQL):
asked of Airflow's whole API.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi.testclient import TestClient

from pipelines.storage.settings import ROOT
from tests.helpers import airflow_home, postgres
from tests.helpers.waiting import PATIENCE, until
from tests.plugins import fab_server

DRIFT, TRAINING = "/api/v2/dags/tiny_drift", "/api/v2/dags/tiny_training"
# Without a login: whether the server lives, its version, and the way to the login.
OPEN = {"/api/v2/monitor/health", "/api/v2/version", "/api/v2/auth/login", "/api/v2/auth/logout"}
# What a viewer may send all the same: two questions whose conditions stand in the body, and a list of one's
# own.
NO_CHANGE = {
    f"POST {DRIFT}/dagRuns/list",
    f"POST {DRIFT}/dagRuns/~/taskInstances/list",
    f"POST {DRIFT}/favorite",
    f"POST {DRIFT}/unfavorite",
}
# Where Airflow reads the body before it asks who sends it.
BODIES: dict[str, Any] = {
    "PATCH /api/v2/connections": {
        "actions": [{"action": "create", "entities": [{"connection_id": "x", "conn_type": "http"}]}]
    },
    "PATCH /api/v2/variables": {"actions": [{"action": "create", "entities": [{"key": "x", "value": "y"}]}]},
    "PATCH /api/v2/pools": {"actions": [{"action": "create", "entities": [{"name": "x", "slots": 1}]}]},
    "POST /api/v2/connections/enqueue-test": {"connection_id": "x", "conn_type": "http"},
}


@dataclass(frozen=True)
class Deployment:
    """An Airflow with a run of the drift DAG, which has left a report."""

    client: Callable[[], httpx.Client | TestClient]
    run_id: str

    def __call__(self, role: str) -> httpx.Client | TestClient:
        """Somebody of a role, logged in; nobody: somebody who is not."""
        client = self.client()
        if role != "nobody":
            login = {"username": role, "password": airflow_home.LOGIN["password"]}
            client.headers["Authorization"] = (
                f"Bearer {client.post('/auth/token', json=login).json()['access_token']}"
            )
        return client

    @property
    def report(self) -> str:
        return f"/sluice/reports/tiny_drift/{quote(self.run_id, safe='')}/drift/-1"


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    from airflow.api_fastapi.app import create_app

    with pytest.MonkeyPatch.context() as patch:
        run_id = fab_server.lived_in(tmp_path_factory.mktemp("laptop"), patch)
        server = create_app("core")
        yield Deployment(lambda: TestClient(server), run_id)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("cluster") / "log"
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW__", "SLUICE_"))
    }
    with postgres.database() as database, log.open("wb") as said:
        server = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.plugins.fab_server",
                str(port),
                database.url.render_as_string(hide_password=False),
            ],
            cwd=ROOT,
            env=environment | {"PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}"},
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(address, server, log)
            admin = Deployment(lambda: httpx.Client(base_url=address, timeout=30), "")("admin")
            (run,) = admin.get(f"{DRIFT}/dagRuns").json()["dag_runs"]
            yield Deployment(lambda: httpx.Client(base_url=address, timeout=30), run["dag_run_id"])
        finally:
            server.terminate()
            server.wait(PATIENCE)


def wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    def answers() -> bool:
        assert server.poll() is None, log.read_text()[-3000:]
        try:
            return httpx.get(f"{address}/api/v2/monitor/health").is_success
        except httpx.TransportError:
            return False

    until(answers, lambda: f"a server that answers:\n{log.read_text()[-3000:]}")


@pytest.fixture(params=["laptop", "cluster"])
def airflow(request: pytest.FixtureRequest) -> Deployment:
    found: Deployment = request.getfixturevalue(request.param)
    return found


def routes(airflow: Deployment, *methods: str) -> list[tuple[str, str]]:
    """Airflow's whole public API, addressed at things that are there: the drift DAG's run, its report, a
    backfill.
    """
    admin = airflow("admin")
    ids = {
        "dag_id": "tiny_drift",
        "task_id": "drift",
        "map_index": "-1",
        "xcom_key": "report",
        "file_token": admin.get(DRIFT).json()["file_token"],
        "backfill_id": str(backfill(admin)),
    }
    paths = admin.get("/openapi.json").json()["paths"]
    asked = [
        (method.upper(), path)
        for path, its in paths.items()
        for method in its
        if method in methods and path.startswith("/api/v2")
    ]
    assert len(asked) > 40
    run = quote(airflow.run_id, safe="")
    # A question about task instances is about those of all runs.
    filled = [
        (method, path.replace("{dag_run_id}", "~" if path.endswith("/list") else run))
        for method, path in asked
    ]
    return [
        (method, re.sub(r"\{(\w+)\}", lambda found: ids.get(found[1], "1"), path)) for method, path in filled
    ]


def backfill(admin: httpx.Client | TestClient) -> int:
    there = admin.get("/api/v2/backfills", params={"dag_id": "tiny_scoring"}).json()["backfills"]
    if there:
        return int(there[0]["id"])
    stated = {
        "dag_id": "tiny_scoring",
        "from_date": "2026-02-02T00:00:00Z",
        "to_date": "2026-02-03T00:00:00Z",
    }
    return int(admin.post("/api/v2/backfills", json=stated).json()["id"])


def test_nothing_answers_whoever_is_not_logged_in(airflow: Deployment) -> None:
    nobody, asked = airflow("nobody"), routes(airflow, "get", "post", "put", "patch", "delete")
    answers = {
        f"{method} {path}": nobody.request(method, path, json={}).status_code
        for method, path in asked
        if path not in OPEN
    }
    assert {route: status for route, status in answers.items() if status != 401} == {}
    assert nobody.get(airflow.report).status_code == 401
    assert (
        airflow("nobody").post("/auth/token", json={"username": "admin", "password": "guessed"}).status_code
        == 401
    )


def test_a_viewer_reads_dags_runs_and_reports(airflow: Deployment) -> None:
    viewer = airflow("viewer")
    assert viewer.get(DRIFT).status_code == viewer.get(f"{DRIFT}/dagRuns").status_code == 200
    assert viewer.get(airflow.report).text == fab_server.REPORT
    assert "drift/-1" in viewer.get("/sluice/reports/tiny_drift").text


def test_a_viewer_changes_nothing_at_all(airflow: Deployment) -> None:
    viewer = airflow("viewer")
    runs = {"actions": [{"action": "delete", "entities": [airflow.run_id]}]}
    bodies = BODIES | {
        f"PATCH {DRIFT}/dagRuns": runs,
        f"POST {DRIFT}/clearDagRuns": {"dag_runs": [{"dag_id": "tiny_drift", "dag_run_id": airflow.run_id}]},
    }
    answers = {
        route: viewer.request(*route.split(" "), json=bodies.get(route, {})).status_code
        for route in (
            f"{method} {path}" for method, path in routes(airflow, "post", "put", "patch", "delete")
        )
        if route not in NO_CHANGE
    }
    assert {route: status for route, status in answers.items() if status != 403} == {}


@pytest.mark.parametrize(
    ("deed", "roles"),
    [
        # Whoever may trigger a training, or approve of its model, promotes.
        ((f"POST {TRAINING}/dagRuns", {"logical_date": None}), {"user", "op", "admin"}),
        (
            (
                f"PATCH {TRAINING}/dagRuns/r/taskInstances/approve/-1/hitlDetails",
                {"chosen_options": ["Approve"]},
            ),
            {"user", "op", "admin"},
        ),
        (
            (f"POST {TRAINING}/clearTaskInstances", {"dry_run": False, "task_ids": ["promote"]}),
            {"user", "op", "admin"},
        ),
        (
            (f"PATCH {TRAINING}/dagRuns/r/taskInstances/gate_raw", {"new_state": "success"}),
            {"user", "op", "admin"},
        ),
        (("PUT /api/v2/backfills/1/cancel", None), {"user", "op", "admin"}),
        (("GET /api/v2/variables", None), {"op", "admin"}),
        (("GET /api/v2/connections", None), {"op", "admin"}),
        (("GET /api/v2/config", None), set()),
    ],
    ids=["trigger", "approve", "clear", "mark", "backfill", "variables", "connections", "config"],
)
def test_who_may(airflow: Deployment, deed: tuple[str, Any], roles: set[str]) -> None:
    route, body = deed
    answers = {
        role: airflow(role).request(*route.split(" "), json=body).status_code for role in airflow_home.ROLES
    }
    assert {role for role, status in answers.items() if status != 403} == roles, answers
    assert all(status < 500 for status in answers.values()), answers


def test_a_role_that_may_read_one_dag_reads_no_other_s_reports(cluster: Deployment) -> None:
    limited = cluster("driftonly")
    assert limited.get(cluster.report).text == fab_server.REPORT
    assert limited.get(f"/sluice/mlflow/tiny_drift/{'0' * 32}").status_code == 404  # may ask; there is none
    others = [
        cluster.report.replace("tiny_drift", "tiny_training"),
        "/sluice/reports/tiny_training",
        "/sluice/reports/tiny_training/r",
    ]
    others += [
        "/sluice/reports/tiny_training/r/evaluate/evaluate.html",
        f"/sluice/mlflow/tiny_training/{'0' * 32}",
    ]
    assert {path: limited.get(path).status_code for path in others} == dict.fromkeys(others, 403)


def test_a_login_s_cookies_are_out_of_the_reach_of_scripts(cluster: Deployment) -> None:
    browser = cluster("nobody")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get("/auth/login/").text)
    assert token
    login = {"username": "viewer", "password": airflow_home.LOGIN["password"]}
    assert (
        "set-cookie" not in browser.post("/auth/login/", data=login).headers
        or browser.get(cluster.report).status_code == 401
    )
    cookies = browser.post("/auth/login/", data=login | {"csrf_token": token[1]}).headers.get_list(
        "set-cookie"
    )
    assert any(cookie.startswith("_token=") for cookie in cookies)
    assert all("HttpOnly" in cookie and "SameSite=Lax" in cookie for cookie in cookies)
    assert browser.get(cluster.report).text == fab_server.REPORT
