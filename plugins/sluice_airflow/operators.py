"""Airflow's tasks: each calls one function of `pipelines.flow` for the run's partition."""

from __future__ import annotations

import logging
import os
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, Connection
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from pipelines import dates, flow
from pipelines.config import Family, GatedTable, Kind, Source, SqlSource, Step
from pipelines.errors import GateClosed, SluiceError, TryAgain
from pipelines.run import Run
from sluice_airflow import assets
from sluice_airflow.links import MLFLOW_RUN, REPORT, MlflowLink, ReportLink
from sluice_airflow.partitions import EVENT_KEY, partition_of

if TYPE_CHECKING:
    from airflow.sdk import Context

logger = logging.getLogger(__name__)


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

    def execute(self, context: Context) -> None:
        """Run the task.

        Raises:
            AirflowFailException: a user's mistake or a closed gate. Its message is the whole story, and no retry can help.
            TryAgain: something outside may be better in a minute. See `RETRIES` in dags.py for who retries.
        """
        try:
            self.leave(context, self.work(self.run_of(context)))
        except TryAgain:
            raise
        except SluiceError as error:
            if isinstance(error, GateClosed):
                self._push(context, REPORT, error.report)
            # `from None`: the sentence says what the stack trace below it would only hide.
            raise AirflowFailException(str(error)) from None

    @abstractmethod
    def work(self, run: Run) -> flow.Outcome:
        """Call the task's function of `pipelines.flow`."""

    def run_of(self, context: Context) -> Run:
        """Open the partition that the DAG run is about."""
        partition = partition_of(context, self.kind)
        self.partition = partition.isoformat()
        return Run.open(
            self.use_case, self.kind, partition, orchestrator=context["run_id"], model_version=context["params"].get("model_version")
        )

    def leave(self, context: Context, outcome: flow.Outcome) -> None:
        """Log the outcome, and leave for Airflow's pages where one can look further."""
        logger.info("%s %s %s: %s", self.use_case, self.kind, self.partition, outcome.summary)
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
        super().__init__(task_id=step, **kwargs)
        self.step = step

    def work(self, run: Run) -> flow.Outcome:
        """Call the step."""
        with lent_connection(run.use_case.source):
            return flow.take(run, self.step)


class DriftOperator(StepOperator):
    """The drift step, which calls for a training when the week was too different."""

    def leave(self, context: Context, outcome: flow.Outcome) -> None:
        """Announce drift, for a training on the rows up to the week's end."""
        super().leave(context, outcome)
        if outcome.retrain:
            week_end = dates.known_by(self.kind, dates.parse(self.partition)) - timedelta(days=1)
            verdict = context["outlet_events"][assets.drift_verdict(self.use_case)]
            verdict.add(assets.drift_found(self.use_case), extra={EVENT_KEY: week_end.isoformat()})


class TuneOperator(FlowOperator):
    """The search over one family's candidates; the DAG maps it over the families."""

    def __init__(self, *, family: Family, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.family = family

    def work(self, run: Run) -> flow.Outcome:
        """Search."""
        return flow.take(run, "tune", self.family)


class GateOperator(FlowOperator):
    """A gate: lets a table through, or ends the run. Judging the same table again would not change the verdict: no retries."""

    def __init__(self, *, table: GatedTable, **kwargs: Any) -> None:
        super().__init__(task_id=f"gate_{table}", retries=0, **kwargs)
        self.table = table

    def work(self, run: Run) -> flow.Outcome:
        """Judge."""
        return flow.gate(run, self.table)
