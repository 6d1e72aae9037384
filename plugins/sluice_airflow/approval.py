"""The task at which a training waits for a person, where its use case asks for one (`promotion.approval`)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLOperator
from airflow.sdk import Param

from pipelines.core import use_cases
from pipelines.core.config import UseCase
from pipelines.registry import approval
from pipelines.registry.approval import Said
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
from sluice_airflow import storage
from sluice_airflow.links import REPORT, ReportLink, report_page
from sluice_airflow.operators import asked_by, failing_in_a_sentence
from sluice_airflow.partitions import partition_of

if TYPE_CHECKING:
    from airflow.sdk import Context

REASON = "reason"


def task_for(use_case: UseCase) -> ApproveOperator:
    """The task of a use case that asks somebody: no answer in time is a rejection."""
    return ApproveOperator(
        task_id="approve",
        use_case=use_case.name,
        subject=f"Shall {use_case.name} have a new champion?",
        params={
            REASON: Param("", type="string", title="Reason", description="Why, for whoever reads the history")
        },
        defaults=ApprovalOperator.REJECT,
        response_timeout=use_case.promotion.approval,
        retries=0,
        doc_md="Wait for a person to look at the model card and to approve, or not.",
    )


class ApproveOperator(ApprovalOperator):
    """Show a person the evidence, and leave the answer for the step `promote`, which decides and writes it
    into the history.

    Nobody is asked about a challenger that the evidence has turned down already. A rejection skips nothing:
    that somebody said no, and why, belongs into the history, too.
    """

    template_fields = ("subject", "body", "use_case", "partition")
    overwrite_rtif_after_execution = True
    operator_extra_links = (ReportLink(),)

    def __init__(self, *, use_case: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.use_case = use_case
        self.partition = ""
        self.left: dict[str, str] = {}  # for the link

    def execute(self, context: Context) -> Any:
        """Ask, if there is something to ask."""
        run = self._run_of(context)
        with failing_in_a_sentence():
            evidence = approval.questions(run)
        if not evidence:
            self.log.info("Nobody is asked: the evidence is against the challenger, and the champion stays.")
            return None
        task = context["ti"]
        card = report_page(task.dag_id, task.run_id, task.task_id, -1)
        self.body = "\n".join(
            [*(f"- {sentence}" for sentence in evidence), *_who(run), "", f"[The model card]({card})"]
        )
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Write the answer down; no answer in time is one, too."""
        answer: Any = HITLOperator.execute_complete(self, context, event)
        user = answer["responded_by_user"]
        by = None if user is None else user["name"] or user["id"]
        reason = (answer["params_input"] or {}).get(REASON, "")
        said: Said = (
            "timed out"
            if by is None
            else "approved"
            if answer["chosen_options"] == [self.APPROVE]
            else "rejected"
        )
        run = self._run_of(context)
        with failing_in_a_sentence():
            not_his = by and approval.may_not(run, by)
            if not_his:  # whoever else may answer in Airflow can neither approve nor prevent it
                self.log.warning("This answer does not count, and the question stands: %s", not_his)
                if left := self._time_left(context):
                    self.response_timeout = left
                    return self.execute(context)
                said, by, reason = "timed out", None, ""
            approval.give(run, said, by, reason)
        self.log.info("%s by %s: %s", said, by, reason)
        return None

    def _time_left(self, context: Context) -> timedelta | None:
        """What is left of the time to answer: it does not begin anew with each answer that does not count."""
        asked = context["ti"].start_date  # which resuming the task does not change
        left = (
            self.response_timeout - (datetime.now(UTC) - asked)
            if self.response_timeout and asked
            else self.response_timeout
        )
        return left if left and left > timedelta(0) else None

    def _run_of(self, context: Context) -> Run:
        storage.know_in_task()
        facts = use_cases.load(Settings.from_env().use_cases, self.use_case).use_case
        partition = partition_of(context, facts, "training")
        self.partition = partition.isoformat()
        run = Run.open(
            self.use_case,
            "training",
            partition,
            orchestrator=context["run_id"],
            asked_by=asked_by(context),
            resume=True,
        )
        self.left[REPORT] = run.report("evaluate")
        context["ti"].xcom_push(REPORT, self.left[REPORT])
        return run


def _who(run: Run) -> list[str]:
    """Whose word counts, for the page.

    Airflow's own list of those who may answer goes by users' numbers, which no file can know.
    """
    named = run.use_case.promotion.approvers
    return (
        ["", f"Only the word of {', '.join(named)} counts, and not of whoever asked for this training."]
        if named
        else []
    )
