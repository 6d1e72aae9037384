"""A compose file with a mistake is refused with a sentence: each rule is shown to bite on a copy of the real
file.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.storage.settings import ROOT
from scripts.cluster import compose
from scripts.cluster.check import safety, settings

TEMPLATE = compose.TEMPLATE.read_text()


def told(document: dict[str, Any], template: str = TEMPLATE) -> list[str]:
    return [*safety.mistakes(document), *settings.mistakes(document, template)]


def test_the_file_has_no_mistake() -> None:
    assert told(compose.read()) == []


FACTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "latest": (
        "redis",
        {"image": "redis:latest"},
        "redis: image 'redis:latest' is not pinned: give it an exact tag or a digest",
    ),
    "no tag": (
        "postgres",
        {"image": "postgres"},
        "postgres: image 'postgres' is not pinned: give it an exact tag or a digest",
    ),
    "half a digest": (
        "store",
        {"image": "weed@sha256:12"},
        "store: image 'weed@sha256:12' is not pinned: give it an exact tag or a digest",
    ),
    "open port": (
        "mlflow",
        {"ports": ["5000:5000"]},
        "mlflow: port 5000:5000 is published on every interface: write 127.0.0.1:5000:5000",
    ),
    "all interfaces": (
        "redis",
        {"ports": ["0.0.0.0:1:1"]},
        "redis: port 0.0.0.0:1:1 is published on every interface",
    ),
    "long port": ("redis", {"ports": [{"target": 1, "published": "1"}]}, "is published on every interface"),
    "no health check": (
        "scheduler",
        {"healthcheck": {}},
        "scheduler: has no health check, so that nobody knows whether it is well",
    ),
    "wait for what nobody can ask": (
        "worker",
        {"depends_on": {"metrics": {"condition": "service_healthy"}}},
        "worker: waits until metrics is well, whose health check is switched off",
    ),
    "no restart": ("worker", {"restart": "no "}, "worker: has no restart policy"),
    "no limits": (
        "redis",
        {"deploy": {}},
        "redis: has no limit of cpus and memory (deploy.resources.limits)",
    ),
    "root": ("api-server", {"user": "root"}, "api-server: runs as root: set `user` to another one"),
    "root's number": ("redis", {"user": "0:0"}, "redis: runs as root"),
    "privileged": (
        "redis",
        {"privileged": True},
        "redis: privileged, network_mode and pid lift the walls around it",
    ),
    "capabilities": ("redis", {"cap_drop": []}, "redis: keeps capabilities: cap_drop: [ALL], and no cap_add"),
    "new privileges": ("redis", {"security_opt": []}, "redis: may gain privileges"),
    "writable": ("store", {"read_only": False}, "store: may write into its image"),
    "no init": ("worker", {"init": False}, "worker: has nobody who collects its dead children: init: true"),
    "another network": ("redis", {"networks": ["default"]}, "redis: is not on the network `sluice` alone"),
    "no look": (
        "triggerer",
        {"entrypoint": []},
        "triggerer: does not look whether everything is there before it starts",
    ),
    "unknown need": (
        "dag-processor",
        {"command": "airflow kerberos"},
        "'airflow kerberos' needs is not said in scripts/cluster/ready.py",
    ),
    "no such service": (
        "worker",
        {"depends_on": {"rediss": {"condition": "service_healthy"}}},
        "worker: waits for 'rediss'",
    ),
    "endless wait": (
        "worker",
        {"depends_on": {"redis": {"condition": "service_completed_successfully"}}},
        "worker: waits until redis has ended, which is not meant to",
    ),
}


@pytest.mark.parametrize("mistake", FACTS)
def test_a_service_that_is_not_safe_is_named(mistake: str) -> None:
    name, facts, sentence = FACTS[mistake]
    document = compose.read()
    document["services"][name] |= facts
    assert len(found := told(document)) == 1
    assert sentence in found[0]


VARIABLES: dict[str, tuple[str, dict[str, str], str]] = {
    "a worker that may all": (
        "worker",
        {"AIRFLOW__API_AUTH__JWT_SECRET": "${JWT_SECRET:?}"},
        "worker: runs the use cases' own code and must not have AIRFLOW__API_AUTH__JWT_SECRET",
    ),
    "a secret": (
        "mlflow",
        {"AWS_SECRET_ACCESS_KEY": "hunter2"},
        "mlflow: AWS_SECRET_ACCESS_KEY holds a secret that is written out",
    ),
    "a secret in an address": (
        "worker",
        {"AIRFLOW__CELERY__BROKER_URL": "redis://:hunter2@redis:6379/0"},
        "worker: AIRFLOW__CELERY__BROKER_URL holds a secret that is written out",
    ),
    "a default password": (
        "redis",
        {"REDIS_PASSWORD": "${REDIS_PASSWORD:-redis}"},
        (
            "REDIS_PASSWORD is a secret, and some service starts without it: write ${REDIS_PASSWORD:?...}"
            " everywhere"
        ),
    ),
    "nobody's variable": (
        "worker",
        {"SLUICE_DTAA": "x"},
        "worker: SLUICE_DTAA is read by nobody; did you mean 'SLUICE_DATA'?",
    ),
    "no template": ("worker", {"LANG": "${LANGUAGE:-C}"}, "${LANGUAGE} is not in .env.template"),
    "another default": (
        "worker",
        {"LANG": "${WORKERS:-3}"},
        "WORKERS is '3' by default, .env.template says '2'",
    ),
    "one database": (
        "mlflow",
        {
            "MLFLOW_BACKEND_STORE_URI": (
                "postgresql://${DATABASE_PREFIX:-}airflow:${MLFLOW_DB_PASSWORD:?}@${POSTGRES:-postgres:5432}/airflow"
            )
        },
        (
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN and MLFLOW_BACKEND_STORE_URI share the database"
            " postgres:5432/airflow: each needs its own"
        ),
    ),
}


@pytest.mark.parametrize("mistake", VARIABLES)
def test_a_variable_that_is_not_right_is_named(mistake: str) -> None:
    name, variables, sentence = VARIABLES[mistake]
    document = compose.read()
    document["services"][name]["environment"] = document["services"][name]["environment"] | variables
    assert any(sentence in mistake for mistake in told(document))


def test_a_variable_that_a_command_needs_is_missed() -> None:
    document = compose.read()
    environment = dict(document["services"]["worker"]["environment"])
    del environment["MLFLOW_TRACKING_URI"]
    document["services"]["worker"]["environment"] = environment
    assert told(document) == ["worker: needs MLFLOW_TRACKING_URI, which is not in its environment"]


def test_what_the_template_has_in_vain_is_named() -> None:
    assert told(compose.read(), f"{TEMPLATE}\n#WORKRES=2\n") == [
        ".env.template has WORKRES, which nothing asks for; did you mean 'WORKERS'?"
    ]


MISTYPED = {
    "AIRFLOW__CELERY__TASK_ACKS_LATE": "AIRFLOW__CELERY__TASKS_ACKS_LATE",
    "AIRFLOW__FAB__COOKIE_SECURE": "AIRFLOW__FABS__COOKIE_SECURE",
    'WORKER_PREFETCH_MULTIPLIER: "1"': 'WORKER_PREFETCH_MULTIPLIER: "one"',
    "MLFLOW_ARTIFACTS_DESTINATION: ": "MLFLOW_ARTIFACT_DESTINATION: ",
    "command: airflow dag-processor": "command: airflow dag-processor --verbosely",
    "command: mlflow server": "command: mlflow server --app-nam basic-auth",
}


def test_what_the_installed_versions_do_not_know_is_named(tmp_path: Path) -> None:
    text = compose.FILE.read_text()
    for right, wrong in MISTYPED.items():
        assert right in text
        text = text.replace(right, wrong)
    file = tmp_path / "docker-compose.yaml"
    file.write_text(text)
    check = subprocess.run(
        [sys.executable, "-m", "scripts.cluster.check", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert check.returncode == 1
    for sentence in (
        (
            "scheduler: AIRFLOW__CELERY__TASKS_ACKS_LATE: the installed Airflow has no 'tasks_acks_late' in"
            " [celery]; did you mean 'task_acks_late'?"
        ),
        "worker: AIRFLOW__CELERY__WORKER_PREFETCH_MULTIPLIER is 'one'; Airflow wants integer",
        (
            "triggerer: AIRFLOW__FABS__COOKIE_SECURE: the installed Airflow has no section [fabs]; did you"
            " mean 'fab'?"
        ),
        (
            "mlflow: MLFLOW_ARTIFACT_DESTINATION: the installed MLflow knows no such variable; did you mean"
            " 'MLFLOW_ARTIFACTS_DESTINATION'?"
        ),
        "dag-processor: the installed Airflow does not know `airflow dag-processor --verbosely`",
        (
            "mlflow: the installed MLflow does not know `mlflow server --app-nam basic-auth`: No such option"
            " '--app-nam'"
        ),
    ):
        assert sentence in check.stderr


def test_what_the_specification_does_not_know_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "docker-compose.yaml"
    file.write_text(compose.FILE.read_text().replace("restart: unless-stopped", "restrat: unless-stopped"))
    check = subprocess.run(
        [sys.executable, "-m", "scripts.cluster.check", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert check.returncode == 1
    assert "restrat" in check.stderr


def test_the_helm_values_say_what_the_compose_file_says() -> None:
    helm = yaml.safe_load((ROOT / "deploy" / "helm" / "values.yaml").read_text())
    stated = {
        one["name"]: one.get("value")
        for one in (*helm["env"], *helm["migrateDatabaseJob"]["env"])
        if "value" in one
    }
    document = compose.read()
    given = settings.placeholders(document)
    composed: dict[str, str] = {}
    for name in document["services"]:
        composed |= compose.service(document, name, given).environment
    # Places, and what the chart's airflow.cfg hides of ours.
    own = {"AWS_ENDPOINT_URL_S3", "AIRFLOW__FAB__COOKIE_SECURE"}
    hidden = {"DAGS_FOLDER", "PLUGINS_FOLDER", "LOAD_EXAMPLES", "DAGS_ARE_PAUSED_AT_CREATION"}
    same = {
        name: value
        for name, value in stated.items()
        if name not in own and name.removeprefix("AIRFLOW__CORE__") not in hidden
    }
    assert same == {name: composed.get(name) for name in same}
