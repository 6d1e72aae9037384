"""Telling people that a task has failed for good, by Airflow's notifiers: mail, and a webhook for chats and
on-call services.

What is told is the failure's own sentence, which shows no personal value and no secret. Of an error that is
none of ours nobody knows what it says, so only its name is told. A notifier that fails changes nothing but
the task's log.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import asdict, dataclass
from html import escape
from typing import TYPE_CHECKING, Any, cast

from airflow.sdk import BaseNotifier, Connection
from airflow.sdk.configuration import conf
from airflow.sdk.log import redact  # type: ignore[attr-defined]  # Airflow's own masking of secrets

from pipelines.core import rendered
from pipelines.core.errors import SluiceError
from pipelines.core.rendered import Json, Parts
from sluice_airflow.links import REPORT, report_page
from sluice_airflow.operators import Failed

if TYPE_CHECKING:
    from airflow.sdk import Context

    from pipelines.core.config import UseCase

PATIENCE = 10  # seconds for a webhook


def notifiers(use_case: UseCase) -> list[Alert]:
    """Whom to call when a task of this use case has failed for good."""
    alerts = use_case.alerts
    if alerts is None:
        return []
    return [
        *([Mail(alerts.mail)] if alerts.mail else []),
        *([Webhook(alerts.webhook)] if alerts.webhook else []),
    ]


@dataclass(frozen=True)
class Failure:
    """What is told of a failed task."""

    dag: str
    task: str
    partition: str
    run: str
    log: str
    report: str | None
    sentence: str
    html: str  # the sentence
    error: dict[str, Json] | None = None  # its parts, if it is one of ours

    @property
    def title(self) -> str:
        """It in one line."""
        return f"{self.dag} {self.partition}: {self.task} failed"

    @classmethod
    def of(cls, context: Context) -> Failure:
        """Tell it by what Airflow knows when the task has failed."""
        task, ti = context["task"], context["ti"]
        name = ti.task_id if ti.map_index is None or ti.map_index < 0 else f"{ti.task_id} [{ti.map_index}]"
        report = None
        if REPORT in getattr(task, "left", {}):
            report = conf.get("api", "base_url", fallback="http://localhost:8080").rstrip("/") + report_page(
                ti.dag_id, ti.run_id, ti.task_id, -1 if ti.map_index is None else ti.map_index
            )
        partition = getattr(task, "partition", "") or "(partition unknown)"
        said = _said(context.get("exception"))
        return cls(ti.dag_id, name, partition, ti.run_id, ti.log_url, report, *said)


def _said(raised: object) -> tuple[str, str, dict[str, Json] | None]:
    """What is told of an exception: as text, as HTML, and in parts."""
    error = raised.error if isinstance(raised, Failed) else raised
    if isinstance(error, SluiceError):
        parts = Parts(**cast("Any", redact(asdict(error.parts))))
        kind = {"kind": type(error).__name__}
        return rendered.text(parts), rendered.html(parts), {**kind, **rendered.as_json(parts)}
    if error is None:
        sentence = "its process ended without a word, e.g. since it was killed"
    else:
        sentence = f"{type(error).__name__}: what it says may show data, and stands in the task's log only"
    return sentence, f"<p>{escape(sentence)}</p>", None


class Alert(BaseNotifier):
    """Somebody who is told. Airflow calls it in the failed task's own process."""

    def notify(self, context: Context) -> None:
        """Tell it, or leave a line in the log: that nobody was told must not hide what there was to tell."""
        try:
            self.send(Failure.of(context))
        except Exception as error:  # noqa: BLE001  (whatever it is, the task has failed for another reason, which is told already)
            self.log.error("Nobody was told of this failure by %s: %s", self, self.why(error))

    @abstractmethod
    def send(self, failure: Failure) -> None:
        """Send it to whoever is named."""

    def why(self, error: Exception) -> str:
        """Why that failed."""
        return str(redact(f"{type(error).__name__}: {error}"))


class Mail(Alert):
    """A mail, through the connection that Airflow sends its own by (`[email] email_conn_id`, which is
    smtp_default by default).
    """

    def __init__(self, to: tuple[str, ...]) -> None:
        super().__init__()
        self.to = to

    def __str__(self) -> str:
        """How the log names it."""
        return f"mail to {', '.join(self.to)}"

    def send(self, failure: Failure) -> None:
        """Send it."""
        from airflow.providers.smtp.notifications.smtp import SmtpNotifier  # its import costs every parse

        links = [("Log", failure.log), *([("Report", failure.report)] if failure.report else [])]
        html = [
            f"<p><b>{escape(failure.title)}</b><br>run {escape(failure.run)}</p>",
            failure.html,
        ]
        html += [f'<p><a href="{escape(address)}">{name}</a></p>' for name, address in links]
        # Not by calling it: that would take these texts for templates, and run what data might have put into
        # them.
        SmtpNotifier(
            to=list(self.to), subject=f"Sluice: {failure.title}", html_content="\n".join(html)
        ).notify({})


class Webhook(Alert):
    """A POST of JSON: `text`, which chats such as Slack and Mattermost show, and all facts by name."""

    def __init__(self, connection: str) -> None:
        super().__init__()
        self.connection = connection

    def __str__(self) -> str:
        """How the log names it."""
        return f"the webhook {self.connection}"

    def send(self, failure: Failure) -> None:
        """Send it."""
        import httpx

        connection = Connection.get(self.connection)
        text = "\n".join(filter(None, [failure.title, failure.sentence, failure.report, failure.log]))
        headers = {"Authorization": f"Bearer {connection.password}"} if connection.password else {}
        facts = {name: fact for name, fact in asdict(failure).items() if name != "html"}
        httpx.post(
            _address(connection), json={**facts, "text": text}, headers=headers, timeout=PATIENCE
        ).raise_for_status()

    def why(self, error: Exception) -> str:
        """Why that failed, without the address: who knows that of a chat's webhook may write there."""
        status = getattr(getattr(error, "response", None), "status_code", None)
        return f"{type(error).__name__}{f', status {status}' if status else ''}"


def _address(connection: Any) -> str:
    """A connection's address: the host, if it is one as a whole.

    Else as Airflow reads it from an address, with the path as its schema.
    """
    if "://" in (connection.host or ""):
        return str(connection.host)
    port = f":{connection.port}" if connection.port else ""
    return f"{connection.conn_type}://{connection.host}{port}/{connection.schema or ''}"
