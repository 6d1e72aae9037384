"""What MLflow is told: each search with its candidates, each evaluation, and by what they can be found
again.
"""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
from filelock import FileLock, Timeout
from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NOTE
from PIL import Image
from requests.exceptions import RequestException
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from pipelines.core import addresses
from pipelines.core.errors import SluiceError, TryAgain
from pipelines.registry import mlflow_database
from pipelines.storage import places

if TYPE_CHECKING:
    from pipelines.core.config import Family
    from pipelines.evaluation.results import Evaluation, SearchResult
    from pipelines.run.run import Run
    from pipelines.storage.settings import Settings

FIRST_TIME = 600  # seconds that a process waits while another one makes the database
NOT_ITS_FAULT = range(400, 429)  # status codes of a question that is wrong: asked again, it still is
GONE = re.compile(r"\b404\b|RESOURCE_DOES_NOT_EXIST|not found|does not exist|no such file", re.IGNORECASE)
MOST_RUNS = 50_000  # MLflow's greatest page, far above the candidates of one search


def connect(settings: Settings) -> MlflowClient:
    """Point MLflow, its registry included, at the settings' address, and return a client of it.

    Raises:
        OldDatabase: the database needs MLflow's migration.
        TryAgain: MLflow does not answer.
    """
    mlflow.set_tracking_uri(settings.mlflow)
    mlflow.set_registry_uri(settings.mlflow)
    # The first one makes the database; two at once would break each other's migrations, and the database.
    with answering(settings), _alone(settings):
        mlflow_database.make_or_mend(settings.mlflow)
        client = MlflowClient(settings.mlflow, settings.mlflow)
        client.search_experiments(max_results=1)
    return client


def upgrade(settings: Settings) -> None:
    """Make MLflow's database, or bring one of an earlier version of MLflow up to date: a copy, which then
    takes its place.

    Nobody may use it meanwhile. A server's database is the server's business.

    Raises:
        TableCorrupt: there is a file in its place which is no database.
        TryAgain: another process is making it.
    """
    with answering(settings), _alone(settings):
        mlflow_database.make_or_mend(settings.mlflow, upgrading=True)


@contextmanager
def answering(settings: Settings) -> Iterator[None]:
    """Turn what MLflow raises when it does not answer, or stops answering, into a sentence.

    Raises:
        OldDatabase: the database needs MLflow's migration.
        TryAgain: MLflow does not answer.
    """
    try:
        yield
    except (MlflowException, SQLAlchemyError, sqlite3.OperationalError, Timeout, RequestException) as error:
        if isinstance(error, MlflowException) and error.get_http_status_code() in NOT_ITS_FAULT:
            raise
        raise _sentence(settings.mlflow, error) from addresses.cause(error, make_url(settings.mlflow))


def bring(settings: Settings, folder: str, **artifact: str) -> Path:
    """Download an artifact into a folder of this machine.

    Raises:
        FileNotFoundError: MLflow does not have it (any more).
        TryAgain: MLflow, or what it keeps artifacts in, does not answer.
    """
    try:
        return Path(mlflow.artifacts.download_artifacts(dst_path=folder, **artifact))
    except (OSError, MlflowException) as error:  # those of requests are an OSError
        if _is_served(settings) and not GONE.search(str(error)):
            raise _sentence(settings.mlflow, error) from addresses.cause(error, make_url(settings.mlflow))
        raise FileNotFoundError(str(error)) from error  # whole: that a disk is full stands in its last lines


def experiment(client: MlflowClient, run: Run) -> str:
    """Return the id of the use case's experiment, which is made when there is none."""
    name = run.use_case.name
    # A server keeps artifacts where it was told to; a database leaves that to us, and by default to the
    # working directory.
    place = None if _is_served(run.settings) else run.settings.artifacts.as_uri()
    with _alone(run.settings), answering(run.settings):
        if found := client.get_experiment_by_name(name):
            return str(found.experiment_id)
        try:
            return str(client.create_experiment(name, artifact_location=place))
        except MlflowException as error:
            # Another machine's task was faster.
            if error.error_code == "RESOURCE_ALREADY_EXISTS" and (
                found := client.get_experiment_by_name(name)
            ):
                return str(found.experiment_id)
            raise


def log_search(run: Run, family: Family, found: SearchResult) -> str:
    """Tell MLflow of one family's search: a run with the best candidate, and nested in it a run for each
    candidate.

    A repeated search of the same inputs takes the place of the earlier one.

    Returns:
        The id of the outer run.
    """
    client = connect(run.settings)
    with answering(run.settings):
        return _log_search(client, run, family, found)


def _log_search(client: MlflowClient, run: Run, family: Family, found: SearchResult) -> str:
    home = experiment(client, run)
    tags = _tags(run, step="tune", family=family)
    _replace(client, home, tags)
    metric = run.use_case.metric.name
    outer = _start(client, home, f"{run.partition} {family}", tags, run)
    trials = found.trials.to_dict("records")
    for trial, seconds in zip(trials, found.fit_seconds, strict=True):
        nested = _start(
            client,
            home,
            f"{run.partition} {family} {trial['candidate']}",
            {**tags, MLFLOW_PARENT_RUN_ID: outer},
            run,
        )
        scores = {
            f"cv_{metric}": trial["mean_score"],
            f"cv_{metric}_std": trial["std_score"],
            "fit_seconds": seconds,
        }
        _finish(
            client,
            nested,
            scores,
            json.loads(trial["params"]),
            folds={f"cv_{metric}_fold": json.loads(trial["fold_scores"])},
        )
    (best,) = (trial for trial in trials if trial["best"])
    scores = {
        f"cv_{metric}": best["mean_score"],
        f"baseline_{metric}": best["baseline_score"],
        "gain": best["gain"],
    }
    _finish(client, outer, scores, found.best_params)
    return outer


def log_evaluation(run: Run, judged: Evaluation) -> str:
    """Tell MLflow of an evaluation: each model's metrics on the held-out rows, the threshold, the model card
    and its pictures.

    Returns:
        The run's id.
    """
    client = connect(run.settings)
    with answering(run.settings):
        return _log_evaluation(client, run, judged)


def _log_evaluation(client: MlflowClient, run: Run, judged: Evaluation) -> str:
    home = experiment(client, run)
    tags = _tags(run, step="evaluate")
    _replace(client, home, tags)
    evaluation = _start(client, home, f"{run.partition} evaluation", tags, run)
    for name, png in judged.pictures.items():
        client.log_image(evaluation, Image.open(BytesIO(png)), f"pictures/{name}.png")
    page = places.at(run.store.folder / "reports" / "evaluate.html").read()
    client.log_text(evaluation, page.decode(), "evaluate.html")
    verdict = judged.verdict
    values = {
        f"{model}.{name}": value
        for model, metrics in verdict.values.items()
        for name, value in metrics.items()
    }
    _finish(client, evaluation, values, {"winner": verdict.winner, "threshold": verdict.cut})
    return evaluation


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    if _is_served(settings):  # a server is alone with its database, and asked from many machines
        yield
        return
    settings.var.mkdir(parents=True, exist_ok=True)
    with FileLock(settings.var / "mlflow.lock", timeout=FIRST_TIME):
        yield


def _is_served(settings: Settings) -> bool:
    return settings.mlflow.startswith("http")


def _tags(run: Run, **what: str) -> dict[str, str]:
    """What a run is about: equal tags mean the same work on the same inputs."""
    from pipelines.registry import snapshot

    return {f"sluice.{name}": value for name, value in {**snapshot.lineage(run), **what}.items()}


def _replace(client: MlflowClient, home: str, tags: Mapping[str, str]) -> None:
    """Delete the runs of an earlier attempt at the same work: a task that is run again must not double its
    runs.
    """
    same = " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
    for earlier in client.search_runs([home], filter_string=same, max_results=MOST_RUNS):
        client.delete_run(earlier.info.run_id)


def _start(client: MlflowClient, home: str, name: str, tags: Mapping[str, str], run: Run) -> str:
    note = f"{run.use_case.title}\n\nOrchestrator's run: {run.orchestrator}"
    started = client.create_run(
        home, run_name=name, tags={**tags, "sluice.orchestrator": run.orchestrator, MLFLOW_RUN_NOTE: note}
    )
    return str(started.info.run_id)


def _finish(
    client: MlflowClient,
    run_id: str,
    metrics: Mapping[str, float],
    params: Mapping[str, Any],
    folds: Mapping[str, list[float]] | None = None,
) -> None:
    """Log everything in one batch, fold scores as the steps of one metric, and close the run."""
    now = int(time.time() * 1000)
    single = [Metric(name, float(value), now, 0) for name, value in metrics.items()]
    stepped = [
        Metric(name, value, now, step)
        for name, values in (folds or {}).items()
        for step, value in enumerate(values)
    ]
    client.log_batch(run_id, [*single, *stepped], [Param(name, str(value)) for name, value in params.items()])
    client.set_terminated(run_id)


def _sentence(uri: str, error: Exception) -> SluiceError:
    address = make_url(uri)
    shown = addresses.without_secrets(address)
    if "out-of-date database schema" in str(error):
        return mlflow_database.old(uri)
    reason = addresses.mask_secrets(str(error).strip().splitlines()[0], address)
    return TryAgain(
        f"MLflow at {shown} does not answer: {reason}",
        fix="start it, or set MLFLOW_TRACKING_URI to where it is",
    )
