"""Airflow's tasks: each calls one function of `pipelines.runner` for the run's partition."""

from __future__ import annotations

import os
import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, Connection
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from pipelines import runner
from pipelines.core import use_cases
from pipelines.core.config import GatedTable, Kind, Sink, Source, Step, UseCase
from pipelines.core.config.base import ConnectedPart
from pipelines.core.errors import GateClosed, SluiceError, TryAgain
from pipelines.run import lineage as tables
from pipelines.run import plan
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
from sluice_airflow import assets, lineage, metrics, storage
from sluice_airflow.links import MLFLOW_RUN, REPORT, MlflowLink, ReportLink
from sluice_airflow.partitions import EVENT_KEY, MODEL_KEY, model_of, partition_of

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk import Context

    from pipelines.run.lineage import ReadAndWritten


class Failed(AirflowFailException):
    """A task that fails at once by one of our own errors: by its text, and with it, for who tells people."""

    def __init__(self, error: SluiceError) -> None:
        super().__init__(str(error))
        self.error = error


@contextmanager
def failing_in_a_sentence() -> Iterator[None]:
    """Fail a task by the sentence of our own errors, at once.

    What trying again may mend goes through to Airflow's retries.
    """
    try:
        yield
    except TryAgain:
        raise
    except SluiceError as error:
        # `from None`: the sentence says what the stack trace below it would only hide.
        raise Failed(error) from None


def asked_by(context: Context) -> str | None:
    """The user who has triggered the run; None where the schedule, or what a DAG before has found, did."""
    return context["dag_run"].triggering_user_name


class FlowOperator(BaseOperator):
    """Open the run's partition, work on it, and leave word of what came of it."""

    template_fields = ("use_case", "kind", "partition")
    # The partition is known when the task runs; afterwards the Rendered Templates tab shows it.
    overwrite_rtif_after_execution = True
    operator_extra_links = (ReportLink(), MlflowLink())
    tags: Mapping[str, str] = {}  # of its metrics, beside its own name

    def __init__(self, *, use_case: str, kind: Kind, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.use_case = use_case
        self.kind = kind
        self.partition = ""
        self.left: dict[str, str] = {}  # XComs of this try, for the links
        self.opened: Run | None = None  # and for lineage: the run, and whether the task has done its work
        self.done = False

    def execute(self, context: Context) -> list[str] | None:
        """Run the task.

        Raises:
            AirflowFailException: a user's mistake or a closed gate. Its message is the whole story, and no
                retry can help.
            TryAgain: something outside may be better in a minute. See `RETRIES` in dags.py for who retries.
        """
        with failing_in_a_sentence():
            storage.know_in_task()
            run = self.run_of(context)
            began = time.monotonic()
            try:
                self.leave(context, run, self.work(run))
                self.done = True
            except GateClosed as closed:
                self._push(context, REPORT, closed.report)
                raise
            finally:
                self.count({"seconds": time.monotonic() - began})
            return self.result(run)

    @property
    def begins(self) -> bool:
        """Whether the task is a run's first: it takes the use-case file as it is then, and all later ones go
        by that.
        """
        return False

    @abstractmethod
    def work(self, run: Run) -> plan.Outcome:
        """Call the task's function of `pipelines.flow`."""

    def result(self, run: Run) -> list[str] | None:  # noqa: ARG002 (a gate's)
        """What a mapped task behind this one is mapped over."""
        return None

    @abstractmethod
    def touched(self, run: Run) -> ReadAndWritten:
        """What the task has read and written."""

    def get_openlineage_facets_on_complete(self, _: object) -> OperatorLineage[Any, Any] | None:
        """Tell Airflow's OpenLineage listener, where one is switched on, what the task has read and written.

        Of a step that has failed that is not known: what is published was there before it.
        """
        return lineage.facets(self.touched(self.opened)) if self.opened and self.done else None

    def run_of(self, context: Context) -> Run:
        """Open the partition that the DAG run is about."""
        facts = use_cases.load(Settings.from_env().use_cases, self.use_case).use_case
        partition, params = partition_of(context, facts, self.kind), context["params"]
        self.partition = partition.isoformat()
        run = Run.open(
            self.use_case,
            self.kind,
            partition,
            orchestrator=context["run_id"],
            model_version=params.get("model_version"),
            what_if=params.get("champion") == "now",
            progress=partial(context["task_state_store"].set, "progress"),
            resume=not self.begins,
            asked_by=asked_by(context),
            model=model_of(context),
        )
        self.opened = run
        return run

    def leave(self, context: Context, run: Run, outcome: plan.Outcome) -> None:
        """Log the outcome, and leave for Airflow's pages where one can look further."""
        run.log(outcome)
        self.count(outcome.numbers)
        self._push(context, REPORT, outcome.report)
        self._push(context, MLFLOW_RUN, outcome.mlflow_run)

    def count(self, numbers: Mapping[str, float]) -> None:
        """Send numbers to whoever watches, if anybody does."""
        metrics.emit(self.use_case, self.kind, numbers, step=self.task_id, **self.tags)

    def _push(self, context: Context, key: str, value: str | None) -> None:
        if value:
            context["ti"].xcom_push(key, value)
            self.left[key] = value


@contextmanager
def lent_connection(use_case: UseCase, step: plan.Step) -> Iterator[None]:
    """Lend a step the connections that its sources or sink name, from Airflow's database or secrets backend,
    as the variables that it reads.
    """
    sources = (use_case.source, *(other.source for other in use_case.sources.values()))
    named = (use_case.sink,) if step.connection == "sink" else sources
    found = {variable: value for one in named for variable, value in _connection(one).items()}
    os.environ.update(found)
    try:
        yield
    finally:
        for variable in found:
            del os.environ[variable]


def _connection(named: Source | Sink | None) -> dict[str, str]:
    if not isinstance(named, ConnectedPart) or os.environ.get(named.variable):
        return {}
    try:
        return {named.variable: Connection.get(named.connection).as_json()}
    except AirflowNotFoundException:
        return {}  # the step's own sentence names the ways out


class StepOperator(FlowOperator):
    """One step: reads tables, writes one."""

    def __init__(self, *, step: Step, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.step = step

    @property
    def begins(self) -> bool:
        """Whether the step is the first of its way."""
        return plan.is_first(self.kind, self.step)

    def result(self, run: Run) -> list[str] | None:
        """Name the shares of the step behind this one, where no gate is between them: they are those of the
        run's own file.
        """
        return list(plan.shares_behind(run, self.step)) or None

    def work(self, run: Run) -> plan.Outcome:
        """Call the step."""
        with lent_connection(run.use_case, plan.step_of(run.kind, self.step)):
            return runner.take(run, self.step)

    def touched(self, run: Run) -> ReadAndWritten:
        """Tables, by their manifests."""
        return tables.of_step(run, self.step)


class DriftOperator(StepOperator):
    """The drift step, which calls for a training where its diagnosis says that one helps."""

    def leave(self, context: Context, run: Run, outcome: plan.Outcome) -> None:
        """Announce the call, for a training on the rows up to the week's end; and whether that keeps the
        model.
        """
        super().leave(context, run, outcome)
        if outcome.retrain:
            week_end = run.days.last
            verdict = context["outlet_events"][assets.drift_verdict(self.use_case)]
            verdict.add(
                assets.drift_found(self.use_case),
                extra={EVENT_KEY: week_end.isoformat(), MODEL_KEY: outcome.retrain},
            )


class ShareOperator(StepOperator):
    """A share of a step that is shared out; the DAG maps it over the shares."""

    def __init__(self, *, share: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.share = share
        self.tags = {"share": share}

    def work(self, run: Run) -> plan.Outcome:
        """Do the share."""
        return runner.take(run, self.step, self.share)

    def touched(self, run: Run) -> ReadAndWritten:
        """A piece of a table."""
        return tables.of_step(run, self.step, self.share)


class GateOperator(FlowOperator):
    """A gate: lets a table through, or ends the run.

    Judging the same table again would not change the verdict.

    It is tried again all the same where it could not judge: its worker was killed, or the store did not
    answer.

    Its result, in Airflow's sense, is what the step behind it is shared out into, once the gate is open:
    nobody knows earlier.
    """

    def __init__(self, *, table: GatedTable, **kwargs: Any) -> None:
        super().__init__(task_id=f"gate_{table}", **kwargs)
        self.table = table
        self.tags = {"table": table}

    def work(self, run: Run) -> plan.Outcome:
        """Judge."""
        try:
            return runner.gate(run, self.table)
        except GateClosed as closed:
            self.count({"gate_open": 0, "failed_expectations": closed.failed})
            self.done = True  # it has judged
            raise

    def touched(self, run: Run) -> ReadAndWritten:
        """The table that it has judged."""
        return tables.of_gate(run, self.table)

    def leave(self, context: Context, run: Run, outcome: plan.Outcome) -> None:
        """Announce new predictions, but not those of a what-if run."""
        super().leave(context, run, outcome)
        if self.table == "predictions" and not run.what_if:
            context["outlet_events"][assets.predictions_verdict(self.use_case)].add(
                assets.predictions(self.use_case)
            )

    def result(self, run: Run) -> list[str] | None:
        """Name the shares of the step behind the gate."""
        return list(plan.shares_behind(run, self.table)) or None
