"""Who is told when a task has failed for good, and what: real DAG runs, a mail server and a web server of the
tests' own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines import flow, runner
from pipelines.core.config import Alerts
from pipelines.core.errors import GateClosed, TryAgain
from pipelines.run import clearance, plan
from pipelines.run.plan import Outcome
from pipelines.run.run import Run
from tests.helpers import tiny
from tests.helpers.dag_runs import dag_run, states, steps, tries
from tests.plugins import sinks
from tests.plugins.sinks import Sink

ATTACK = "<script>alert(1)</script> & {{ 7 * 7 }} {% raw %}"


@pytest.fixture(autouse=True)
def open_gates(monkeypatch: pytest.MonkeyPatch, places: Path) -> None:
    (places / "use_cases" / f"{tiny.NAME}.yaml").write_text(
        tiny.YAML + "alerts: {mail: [a@x.org, b@x.org], webhook: chat}\n"
    )
    monkeypatch.setattr(runner, "gate", lambda run, table: Outcome(f"{table} holds"))
    monkeypatch.setattr(clearance, "require", lambda run, step: None)
    monkeypatch.setattr(plan, "shares", lambda run, step: ("0001-of-0001",) if step == "score" else ())
    monkeypatch.setattr(flow, "STEPS", steps())


def connect(monkeypatch: pytest.MonkeyPatch, mail: int, chat: int) -> None:
    options = {
        "disable_ssl": True,
        "disable_tls": True,
        "from_email": "sluice@x.org",
        "timeout": 3,
        "retry_limit": 1,
    }
    stated = {"conn_type": "smtp", "host": "127.0.0.1", "port": mail, "extra": options}
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(stated))
    monkeypatch.setenv("AIRFLOW_CONN_CHAT", f"http://:t0ken-of-ours@127.0.0.1:{chat}/services/s3cret-path")


@pytest.fixture
def mail(monkeypatch: pytest.MonkeyPatch, chat: Sink) -> Iterator[Sink]:
    with sinks.mail() as sink:
        connect(monkeypatch, sink.port, chat.port)
        yield sink


@pytest.fixture
def chat() -> Iterator[Sink]:
    with sinks.http() as sink:
        yield sink


def closed(run: Run, table: str) -> Outcome:
    page = run.write_report(f"gate_{table}", "<p>closed")
    raise GateClosed("gate_raw is closed", page, details=[ATTACK], fix="mend the source")


def test_a_closed_gate_is_told_whole_with_a_link_to_its_page(
    monkeypatch: pytest.MonkeyPatch, mail: Sink, chat: Sink
) -> None:
    monkeypatch.setattr(runner, "gate", closed)
    run = dag_run("scoring")
    assert states(run)["gate_raw"] == "failed"
    (letter,), ((path, headers, body),) = mail.mails, chat.posts
    assert letter["subject"] == "Sluice: tiny_scoring 2026-02-01: gate_raw failed"
    assert [letter["from"], letter["to"]] == ["sluice@x.org", "a@x.org, b@x.org"]
    html = letter.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; {{ 7 * 7 }} {% raw %}" in html
    assert "<script" not in html
    assert (
        f'/sluice/reports/tiny_scoring/{run.run_id.replace(":", "%3A").replace("+", "%2B")}/gate_raw/-1">Report</a>'
        in html
    )
    told = json.loads(body)
    assert (path, headers["Authorization"]) == ("/services/s3cret-path", "Bearer t0ken-of-ours")
    assert [told[fact] for fact in ("dag", "task", "partition", "run")] == [
        "tiny_scoring",
        "gate_raw",
        "2026-02-01",
        run.run_id,
    ]
    assert [told["error"][part] for part in ("kind", "found", "details", "fix")] == [
        "GateClosed",
        "gate_raw is closed",
        [ATTACK],
        "mend the source",
    ]
    sentence = told["sentence"]
    assert sentence.startswith(f"gate_raw is closed\n  - {ATTACK}\n")
    assert sentence.endswith("\n  way out: mend the source")
    assert told["report"].startswith("http://")
    assert all(
        part in told["text"]
        for part in (sentence, told["report"], told["log"], "tiny_scoring 2026-02-01: gate_raw failed")
    )


def test_what_is_tried_again_is_told_once_when_its_tries_are_used_up(
    monkeypatch: pytest.MonkeyPatch, mail: Sink, chat: Sink
) -> None:
    def away(run: Run) -> Outcome:
        raise TryAgain("the database is away")

    monkeypatch.setattr(flow, "STEPS", steps(drift=away))
    assert tries(dag_run("drift"))["drift"] == 3
    assert [json.loads(body)["sentence"] for _, _, body in chat.posts] == [
        "the database is away\n  way out: run it again later"
    ]
    assert len(mail.mails) == 1


def test_of_an_error_that_is_not_ours_only_the_name_is_told(
    monkeypatch: pytest.MonkeyPatch, mail: Sink, chat: Sink
) -> None:
    def buggy(run: Run) -> Outcome:
        raise KeyError("Erika Mustermann")

    monkeypatch.setattr(flow, "STEPS", steps(drift=buggy))
    dag_run("drift")
    assert json.loads(chat.posts[0][2])["sentence"].startswith("KeyError: ")
    assert b"Mustermann" not in chat.posts[0][2] + mail.mails[0].as_bytes()


def test_nobody_is_told_of_what_goes_well(mail: Sink, chat: Sink) -> None:
    assert dag_run("scoring").state == "success"
    assert (mail.mails, chat.posts) == ([], [])


def test_a_notifier_that_fails_changes_nothing_but_the_log(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(runner, "gate", closed)
    with sinks.http(status=500) as broken:
        connect(monkeypatch, mail=1, chat=broken.port)
        run: Any = dag_run("scoring")
        assert (states(run)["gate_raw"], tries(run)["gate_raw"], run.state) == ("failed", 1, "failed")
        assert len(broken.posts) == 1  # though the mail before it failed
    printed = "".join(capfd.readouterr())
    assert "Nobody was told of this failure by mail to a@x.org, b@x.org: ConnectionRefusedError" in printed
    assert "Nobody was told of this failure by the webhook chat: HTTPStatusError, status 500" in printed
    assert "s3cret-path" not in printed
    assert "t0ken-of-ours" not in printed


@pytest.mark.parametrize(
    "stated", [{}, {"mail": ["me"]}, {"mail": ["a@x.org, b@x.org"]}, {"mail": ["a@x.org\r\nBcc: c@x.org"]}]
)
def test_alerts_to_nobody_or_to_no_address_are_refused(stated: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"names nobody|mail"):
        Alerts(**stated)
