"""Airflow's tasks: each calls one function of `pipelines.flow` for the run's partition."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, Connection
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from pipelines import dates, flow
from pipelines.config import GatedTable, Kind, Source, SqlSource, Step
from pipelines.errors import GateClosed, SluiceError, TryAgain
from pipelines.run import Run
from sluice_airflow import assets, storage
from sluice_airflow.links import MLFLOW_RUN, REPORT, MlflowLink, ReportLink
from sluice_airflow.partitions import EVENT_KEY, partition_of

if TYPE_CHECKING:
    from airflow.sdk import Context


@contextmanager
def failing_in_a_sentence() -> Iterator[None]:
    """Fail a task by the sentence of our own errors, at once; what trying again may mend goes through to Airflow's retries."""
    try:
        yield
    except TryAgain:
        raise
    except SluiceError as error:
        # `from None`: the sentence says what the stack trace below it would only hide.
        raise AirflowFailException(str(error)) from None


class FlowOperator(BaseOperator):
    """Open the run's partition, work on it, and leave word of what came of it."""

    template_fields = ("use_case", "kind", "partition")
    # The partition is known when the task runs; afterwards the Rendered Templates tab shows it.
    overwrite_rtif_after_execution = True
    operator_extra_links = (ReportLink(), MlflowLink())

    def __init__(self, *, use_case: str, kind: Kind, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.use_case = use_case
        self.kind = kind
        self.partition = ""
        self.left: dict[str, str] = {}  # XComs of this try, for the links

    def execute(self, context: Context) -> list[str] | None:
        """Run the task.

        Raises:
            AirflowFailException: a user's mistake or a closed gate. Its message is the whole story, and no retry can help.
            TryAgain: something outside may be better in a minute. See `RETRIES` in dags.py for who retries.
        """
        with failing_in_a_sentence():
            storage.know_in_task()
            run = self.run_of(context)
            try:
                self.leave(context, run, self.work(run))
            except GateClosed as closed:
                self._push(context, REPORT, closed.report)
                raise
            return self.result(run)

    @abstractmethod
    def work(self, run: Run) -> flow.Outcome:
        """Call the task's function of `pipelines.flow`."""

    def result(self, run: Run) -> list[str] | None:  # noqa: ARG002 (a gate's)
        """What a mapped task behind this one is mapped over."""
        return None

    def run_of(self, context: Context) -> Run:
        """Open the partition that the DAG run is about."""
        partition, params = partition_of(context, self.kind), context["params"]
        self.partition = partition.isoformat()
        return Run.open(
            self.use_case,
            self.kind,
            partition,
            orchestrator=context["run_id"],
            model_version=params.get("model_version"),
            what_if=params.get("champion") == "now",
            progress=partial(context["task_state_store"].set, "progress"),
        )

    def leave(self, context: Context, run: Run, outcome: flow.Outcome) -> None:
        """Log the outcome, and leave for Airflow's pages where one can look further."""
        run.log(outcome)
        self._push(context, REPORT, outcome.report)
        self._push(context, MLFLOW_RUN, outcome.mlflow_run)

    def _push(self, context: Context, key: str, value: str | None) -> None:
        if value:
            context["ti"].xcom_push(key, value)
            self.left[key] = value


@contextmanager
def lent_connection(source: Source) -> Iterator[None]:
    """Lend a step the connection that its source names, from Airflow's database or secrets backend, as the variable that it reads."""
    found = _connection(source)
    os.environ.update(found)
    try:
        yield
    finally:
        for variable in found:
            del os.environ[variable]


def _connection(source: Source) -> dict[str, str]:
    if not isinstance(source, SqlSource) or os.environ.get(source.variable):
        return {}
    try:
        return {source.variable: Connection.get(source.connection).as_json()}
    except AirflowNotFoundException:
        return {}  # the step's own sentence names the ways out


class StepOperator(FlowOperator):
    """One step: reads tables, writes one."""

    def __init__(self, *, step: Step, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.step = step

    def work(self, run: Run) -> flow.Outcome:
        """Call the step."""
        with lent_connection(run.use_case.source):
            return flow.take(run, self.step)


class DriftOperator(StepOperator):
    """The drift step, which calls for a training when the week was too different."""

    def leave(self, context: Context, run: Run, outcome: flow.Outcome) -> None:
        """Announce drift, for a training on the rows up to the week's end."""
        super().leave(context, run, outcome)
        if outcome.retrain:
            week_end = dates.known_by(self.kind, dates.parse(self.partition)) - timedelta(days=1)
            verdict = context["outlet_events"][assets.drift_verdict(self.use_case)]
            verdict.add(assets.drift_found(self.use_case), extra={EVENT_KEY: week_end.isoformat()})


class ShareOperator(StepOperator):
    """A share of a step that is shared out; the DAG maps it over the shares."""

    def __init__(self, *, share: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.share = share

    def work(self, run: Run) -> flow.Outcome:
        """Do the share."""
        return flow.take(run, self.step, self.share)


class GateOperator(FlowOperator):
    """A gate: lets a table through, or ends the run. Judging the same table again would not change the verdict: no retries.

    Its result, in Airflow's sense, is what the step behind it is shared out into, once the gate is open: nobody knows earlier.
    """

    def __init__(self, *, table: GatedTable, **kwargs: Any) -> None:
        super().__init__(task_id=f"gate_{table}", retries=0, **kwargs)
        self.table = table

    def work(self, run: Run) -> flow.Outcome:
        """Judge."""
        return flow.gate(run, self.table)

    def leave(self, context: Context, run: Run, outcome: flow.Outcome) -> None:
        """Announce new predictions, but not those of a what-if run."""
        super().leave(context, run, outcome)
        if self.table == "predictions" and not run.what_if:
            context["outlet_events"][assets.predictions_verdict(self.use_case)].add(assets.predictions(self.use_case))

    def result(self, run: Run) -> list[str] | None:
        """Name the shares of the step behind the gate."""
        return list(flow.shares_behind(run, self.table)) or None
