"""What MLflow knows of a run, for the page about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from pipelines.core.config import Kind

if TYPE_CHECKING:
    from mlflow.entities import Run

MOST_NESTED = 200
KINDS = get_args(Kind)


@dataclass(frozen=True)
class MlflowRun:
    """One run, and in the outermost one those that are nested in it."""

    id: str
    name: str
    status: str
    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]
    nested: tuple[MlflowRun, ...] = ()


def find(address: str, dag_id: str, run_id: str) -> MlflowRun | None:
    """Look a run up, by the one who may read a DAG: runs of other use cases do not exist for them."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

    client = MlflowClient(address)
    try:
        run = client.get_run(run_id)
    except MlflowException:
        return None
    # An experiment bears the use case's name, see pipelines/registry/tracking.py.
    use_case, _, kind = dag_id.rpartition("_")
    if kind not in KINDS or client.get_experiment(run.info.experiment_id).name != use_case:
        return None
    nested = client.search_runs(
        [run.info.experiment_id],
        f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{run_id}'",
        max_results=MOST_NESTED,
        order_by=["attributes.start_time"],
    )
    return _told(run, tuple(_told(inner) for inner in nested))


def _told(run: Run, nested: tuple[MlflowRun, ...] = ()) -> MlflowRun:
    tags = {name: value for name, value in sorted(run.data.tags.items()) if not name.startswith("mlflow.")}
    return MlflowRun(
        id=run.info.run_id,
        name=run.info.run_name,
        status=run.info.status,
        params=dict(sorted(run.data.params.items())),
        metrics=dict(sorted(run.data.metrics.items())),
        tags=tags,
        nested=nested,
    )
