"""The plugin's pages as the API server serves them: its own login, its own database, and what real runs have
left there.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from pipelines import flow, runner
from pipelines.run.plan import Outcome
from pipelines.run.run import Run
from sluice_airflow.pages import report_file
from tests.helpers import airflow_home, harmless
from tests.helpers.dag_runs import dag_run, steps

EVIL = "<script>alert('evil')</script>"


@pytest.fixture(scope="module")
def server() -> Any:
    """Airflow's API server, with the plugin loaded as it loads it."""
    from airflow.api_fastapi.app import create_app

    return create_app("core")


@pytest.fixture
def stranger(server: Any) -> TestClient:
    """Somebody who is not logged in."""
    return TestClient(server)


@pytest.fixture
def user(server: Any) -> TestClient:
    """Somebody who is."""
    client = TestClient(server)
    token = client.post("/auth/token", json=airflow_home.LOGIN).json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"
    return client


@pytest.fixture
def run(places: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A run of the drift DAG whose step leaves a report with a script."""

    def reporting(run: Run) -> Outcome:
        return Outcome("drift", report=run.write_report("drift", f"<h1>a week</h1>{EVIL}"))

    monkeypatch.setattr(flow, "STEPS", steps(drift=reporting))
    monkeypatch.setattr(runner, "gate", lambda run, table: Outcome("no report"))
    return dag_run("drift")


def page(run: Any, *more: str) -> str:
    return "/".join(["/sluice/reports/tiny_drift", quote(run.run_id, safe=""), *more])


@pytest.mark.parametrize(
    "path",
    [
        "/reports/tiny_drift",
        "/reports/tiny_drift/r",
        "/reports/tiny_drift/r/drift/-1",
        f"/mlflow/tiny_drift/{'0' * 32}",
    ],
)
def test_nobody_reads_anything_without_a_login(stranger: TestClient, path: str) -> None:
    assert stranger.get(f"/sluice{path}").status_code == 401
    assert stranger.get(f"/sluice{path}", headers={"Authorization": "Bearer forged"}).status_code == 403


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
def test_no_documentation_stands_outside_of_the_login(stranger: TestClient, path: str) -> None:
    assert stranger.get(f"/sluice{path}").status_code == 404


@pytest.mark.parametrize("index", ["-1", "{MAP_INDEX}"])
def test_a_tasks_tab_is_its_report_in_a_sandbox(user: TestClient, run: Any, index: str) -> None:
    answer = user.get(page(run, "drift", index))
    assert answer.status_code == 200
    assert answer.text == f"<h1>a week</h1>{EVIL}"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'none'")
    assert "allow-same-origin" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.fixture
def gated(places: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A run of the drift DAG whose gate leaves a report and a page beside it, both with a script."""

    def judging(run: Run, table: str) -> Outcome:
        run.write_report("gate_drift_full", f"<h1>all of it</h1>{EVIL}")
        return Outcome(
            "drift",
            report=run.write_report("gate_drift", f'<a href="gate_drift_full.html">full result</a>{EVIL}'),
        )

    monkeypatch.setattr(flow, "STEPS", steps())
    monkeypatch.setattr(runner, "gate", judging)
    return dag_run("drift")


def test_a_gates_report_runs_no_script_and_its_link_leads_to_the_full_result(
    user: TestClient, gated: Any
) -> None:
    short = user.get(page(gated, "gate_drift", "-1"))
    full = user.get(page(gated, "gate_drift", "gate_drift_full.html"))  # where a browser finds the link
    assert full.text == f"<h1>all of it</h1>{EVIL}"
    for answer in (short, full):
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("sandbox allow-same-origin; default-src 'none'")
        assert "script" not in policy


def test_a_page_beside_a_report_is_nothing_else(user: TestClient, gated: Any, stranger: TestClient) -> None:
    assert user.get(page(gated, "gate_drift", "manifest.html")).status_code == 404
    assert user.get(page(gated, "gate_drift", "..%2Fgate_drift_full.html")).status_code == 404
    assert "has left no report" in user.get(page(gated, "drift", "gate_drift_full.html")).text
    assert stranger.get(page(gated, "gate_drift", "gate_drift_full.html")).status_code == 401


def test_a_task_without_a_report_says_so(user: TestClient, run: Any) -> None:
    answer = user.get(page(run, "gate_drift", "-1"))
    assert answer.status_code == 200
    assert "This task has left no report" in answer.text


def test_a_report_that_is_gone_is_named(user: TestClient, run: Any, places: Path) -> None:
    (places / "data" / "tiny" / "drift" / "2026-02-01" / "reports" / "drift.html").unlink()
    answer = user.get(page(run, "drift", "-1"))
    assert answer.status_code == 404
    assert "tiny/drift/2026-02-01/reports/drift.html" in answer.text


def test_the_runs_and_the_dags_tab_list_reports(user: TestClient, run: Any) -> None:
    for path in (page(run), "/sluice/reports/tiny_drift"):
        answer = user.get(path)
        assert f'<a href="{page(run, "drift", "-1")}">drift</a>' in answer.text
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_dag_without_reports_gets_a_friendly_page(user: TestClient) -> None:
    answer = user.get("/sluice/reports/somebody_elses_dag")
    assert answer.status_code == 200
    assert "None yet" in answer.text


def test_what_a_page_is_asked_about_is_escaped(user: TestClient) -> None:
    answer = user.get(f"/sluice/reports/{quote('<b>x', safe='')}")
    assert "Reports of &lt;b&gt;x" in answer.text


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Reports of two use cases, and files that are none."""
    for name in (
        "tiny/drift/2026-02-01/reports/drift.html",
        "other/drift/2026-02-01/reports/drift.html",
        "tiny/drift/2026-02-01/reports/x.json",
    ):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_text("")
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "secret.html").write_text("")
    (tmp_path / "data/tiny/drift/2026-02-01/reports/link.html").symlink_to(
        tmp_path / "reports" / "secret.html"
    )
    return tmp_path / "data"


def test_a_report_is_a_page_below_the_data_root(data: Path) -> None:
    assert report_file(data, "tiny_drift", "tiny/drift/2026-02-01/reports/drift.html") is not None


@pytest.mark.parametrize(
    "path",
    [
        "../reports/secret.html",
        "tiny/drift/2026-02-01/reports/../../../../../reports/secret.html",
        "tiny/drift/2026-02-01/reports/link.html",
        "tiny/drift/2026-02-01/reports/x.json",
        "tiny/drift/2026-02-01/reports/missing.html",
        "other/drift/2026-02-01/reports/drift.html",
        "/etc/passwd",
        "",
    ],
)
def test_no_other_file_can_be_read_as_a_report(data: Path, path: str) -> None:
    assert report_file(data, "tiny_drift", path) is None


@pytest.fixture
def another(data: Path) -> Path:
    """A report of another use case, below the same data root."""
    report = data / "other" / "drift" / "2026-02-01" / "reports" / "drift.html"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text("<p>not for everybody")
    return report


REPORTS = "tiny/drift/2026-02-01/reports"


def test_no_link_leads_to_another_use_cases_report(data: Path, another: Path) -> None:
    (data / REPORTS / "soft.html").symlink_to(another)
    (data / REPORTS / "beside.html").symlink_to(data / REPORTS / "drift.html")
    (data / REPORTS / "hard.html").hardlink_to(another)
    (data / "tiny" / "drift" / "2026-02-02").mkdir()
    (data / "tiny" / "drift" / "2026-02-02" / "reports").symlink_to(another.parent)
    (data / "tiny" / "drift" / "2026-02-03").symlink_to(another.parent.parent)
    for path in (f"{REPORTS}/soft.html", f"{REPORTS}/beside.html", f"{REPORTS}/hard.html"):
        assert report_file(data, "tiny_drift", path) is None
    for day in ("2026-02-02", "2026-02-03"):
        assert report_file(data, "tiny_drift", f"tiny/drift/{day}/reports/drift.html") is None
    assert report_file(data, "tiny_drift", f"{REPORTS}/drift.html") is not None


def test_a_report_that_a_backup_has_linked_elsewhere_is_shown(data: Path, tmp_path: Path) -> None:
    (tmp_path / "backup.html").hardlink_to(data / REPORTS / "drift.html")
    assert report_file(data, "tiny_drift", f"{REPORTS}/drift.html") is not None


def test_a_data_root_that_is_a_link_itself_is_one(data: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").symlink_to(data)
    assert report_file(tmp_path / "elsewhere", "tiny_drift", f"{REPORTS}/drift.html") is not None


@pytest.mark.parametrize(
    "name",
    ["..%2F..%2F..%2F..%2Fother%2Fdrift%2F2026-02-01%2Freports%2Fdrift", "%2e%2e/x", "..%5Cx", "%00", "x%00"],
)
def test_no_page_beside_a_report_is_another_use_cases(
    user: TestClient, gated: Any, places: Path, name: str
) -> None:
    folder = places / "data" / "other" / "drift" / "2026-02-01" / "reports"
    folder.mkdir(parents=True)
    (folder / "drift.html").write_text("<p>not for everybody")
    answer = user.get(page(gated, "gate_drift", f"{name}.html"))
    assert answer.status_code in (404, 422)
    assert "not for everybody" not in answer.text


# --- MLflow runs


@pytest.fixture
def mlflow_run(places: Path, mlflow_database: Path) -> Callable[[str], str]:
    """Log a search with one nested run under an experiment, and return the outer run's id."""
    from mlflow import MlflowClient

    shutil.copy(mlflow_database, places / "mlflow.db")
    address = f"sqlite:///{places}/mlflow.db"

    def logged(experiment: str) -> str:
        client = MlflowClient(address)
        home = client.create_experiment(experiment)
        outer = client.create_run(home, run_name="a search", tags={"sluice.note": EVIL}).info.run_id
        nested = client.create_run(
            home, run_name="a candidate", tags={"mlflow.parentRunId": outer}
        ).info.run_id
        client.log_param(outer, "best", EVIL)
        client.log_metric(outer, "cv_aucpr", 0.8125)
        client.log_param(nested, "C", "0.1")
        client.log_metric(nested, "cv_aucpr", 0.75)
        return str(outer)

    return logged


def test_an_mlflow_run_is_shown_with_its_nested_runs(
    user: TestClient, mlflow_run: Callable[[str], str]
) -> None:
    answer = user.get(f"/sluice/mlflow/tiny_training/{mlflow_run('tiny')}")
    assert answer.status_code == 200
    for told in ("a search", "cv_aucpr", "0.8125", "a candidate", "0.75", "C=0.1"):
        assert told in answer.text
    assert EVIL not in answer.text
    assert "&lt;script&gt;" in answer.text


def test_an_mlflow_run_of_another_use_case_does_not_exist(
    user: TestClient, mlflow_run: Callable[[str], str]
) -> None:
    assert user.get(f"/sluice/mlflow/tiny_training/{mlflow_run('other')}").status_code == 404
    assert user.get(f"/sluice/mlflow/tiny_training/{'0' * 32}").status_code == 404
    # Somebody's own DAG, whose name begins like a use case's: who may read it need not be one who may read
    # the use case's.
    assert user.get(f"/sluice/mlflow/tiny_copy/{mlflow_run('tiny')}").status_code == 404


def test_an_mlflow_runs_names_tags_and_parameters_run_nothing(
    user: TestClient, mlflow_run: Callable[[str], str], places: Path
) -> None:
    from mlflow import MlflowClient

    client, outer = MlflowClient(f"sqlite:///{places}/mlflow.db"), mlflow_run("tiny")
    for number, attack in enumerate(harmless.ATTACKS):
        client.set_tag(outer, f"attack {number}", attack)
        client.log_param(outer, f"attack {number}", attack)
    client.update_run(outer, name=" ".join(harmless.ATTACKS))
    page = user.get(f"/sluice/mlflow/tiny_training/{outer}").text
    assert harmless.whole(page)
    assert harmless.harm(page) == []


def test_an_mlflow_runs_id_is_nothing_else(user: TestClient) -> None:
    assert user.get("/sluice/mlflow/tiny_training/..%27--").status_code == 422
