"""The DAGs of each kind, one a use case: whatever goes wrong with one of them costs no other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping

from airflow.sdk import DAG, Param

from pipelines.core import use_cases
from pipelines.core.config import Kind, UseCase
from pipelines.core.errors import BadUseCase
from pipelines.storage.settings import Settings
from sluice_airflow import assets, schedules
from sluice_airflow.dags import lay_way, sluice_dag, sound_use_cases
from sluice_airflow.partitions import MODEL

logger = logging.getLogger(__name__)

MODEL_VERSION = Param(
    None,
    type=["null", "string"],
    pattern="^[0-9]{1,9}$",
    title="Model version",
    description="The number of a registered version to score with. Empty: the champion.",
)

CHAMPION = Param(
    "then",
    enum=["then", "now"],
    title="Champion",
    description=(
        "then: the champion of the partition's own morning, into predictions. now: what today's champion"
        " would have said, into the folder what_if beside them."
    ),
)


def training(use_case: UseCase, doc: str | None = None) -> DAG:
    """One at a time: two trainings would compare their models with the same champion."""
    schedule, params = schedules.training(use_case), {"model": MODEL}
    with sluice_dag(
        use_case, "training", doc=doc, schedule=schedule, max_active_runs=1, params=params
    ) as dag:
        lay_way(use_case, "training", outlets={"promote": [assets.champion(use_case.name)]})
    return dag


def scoring(use_case: UseCase, doc: str | None = None) -> DAG:
    """Several nights at once, as after a pause or in a backfill."""
    schedule = schedules.cron(use_case, "scoring")
    params = {"champion": CHAMPION, "model_version": MODEL_VERSION}
    with sluice_dag(use_case, "scoring", doc=doc, schedule=schedule, max_active_runs=4, params=params) as dag:
        lay_way(
            use_case, "scoring", outlets={"gate_predictions": [assets.predictions_verdict(use_case.name)]}
        )
    return dag


def drift(use_case: UseCase, doc: str | None = None) -> DAG:
    """One week after the other."""
    schedule = schedules.cron(use_case, "drift")
    with sluice_dag(use_case, "drift", doc=doc, schedule=schedule, max_active_runs=1) as dag:
        lay_way(use_case, "drift", outlets={"drift": [assets.drift_verdict(use_case.name)]})
    return dag


MADE: Mapping[Kind, Callable[[UseCase, str | None], DAG]] = {
    "training": training,
    "scoring": scoring,
    "drift": drift,
}


def every(kind: Kind, doc: str | None) -> dict[str, DAG]:
    """The DAGs of a kind by their ids: of all use cases whose file is good, and whose DAG Airflow can
    make.
    """
    found = {}
    for use_case in sound_use_cases(kind):
        try:
            dag = MADE[kind](use_case, doc)
        except Exception:  # whatever Airflow has against this one; `mistakes` tells it, in a file of its own
            logger.exception("%s has no DAG for its %s", use_case.name, kind)
        else:
            found[dag.dag_id] = dag
    return found


def mistakes() -> Iterator[str]:
    """What is wrong with each use-case file of which DAGs are missing."""
    folder = Settings.from_env().use_cases
    for name in use_cases.names(folder):
        try:
            loaded = use_cases.load(folder, name)
        except BadUseCase as error:
            yield str(error)
            continue
        for kind, made in MADE.items():
            try:
                made(loaded.use_case, None)
            except Exception as error:  # noqa: BLE001  (see `every`)
                sentence = f"Airflow can make no DAG for its {kind}: {use_cases.unforeseen(error)}"
                yield str(use_cases.wrong(loaded.path, [(1, sentence)]))
