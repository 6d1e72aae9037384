"""The registry: which versions a use case's model has, which one is champion, and since when.

One registered model a use case, one version a family and training. A version's tags say where it comes from
and how it did on held-out rows. Who is champion, the history says (`pipelines.registry.history`); the alias
`champion` follows it, and `challenger` names the winner of the latest training.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, replace
from datetime import date
from importlib.metadata import version as installed
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import mlflow.onnx
import onnx
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema

from pipelines.core import dates
from pipelines.core.errors import BadInput, NoChampion, TableCorrupt, brief
from pipelines.core.meaning import KEY as MEANING
from pipelines.model.calibration import KEY as CALIBRATION
from pipelines.model.engine import BOOSTER
from pipelines.model.graph import Graph
from pipelines.model.reasons import TYPICAL
from pipelines.model.refit import JUDGED
from pipelines.registry import definitions, tracking
from pipelines.registry.history import History
from pipelines.storage import disk

if TYPE_CHECKING:
    from pipelines.core.config import Family
    from pipelines.core.meaning import Meanings
    from pipelines.evaluation.results import Export
    from pipelines.evaluation.verdict import PromotionVerdict
    from pipelines.model.engines import Choice
    from pipelines.run.run import Run
    from pipelines.storage.settings import Settings

CHAMPION, CHALLENGER = "champion", "challenger"
GRAPH_TAG, ENGINE_TAG, CHUNK_TAG, SPEED_TAG = "graph_sha256", "engine", "chunk_rows", "rows_per_second"
MODEL_FILE, JUDGED_FOLDER = "model.onnx", "judged"
# of a graph's metadata: too long, or of no use in a search
NOT_TAGS = frozenset({"features", "format", MEANING, BOOSTER, TYPICAL, CALIBRATION})


@dataclass(frozen=True)
class Champion:
    """The version that scores."""

    version: str
    graph: bytes
    sha256: str
    partition: date  # of the training that made it
    threshold: float | None  # of the decision: score >= threshold; None for a regression
    metadata: dict[str, str]
    engine: str = Graph.name  # that scores, see `engines`
    chunk_rows: int | None = None  # that it is given at once; None where nobody has measured what is best

    @property
    def meanings(self) -> Meanings:
        """Input -> the fingerprint of what the version has learned that it means (`meaning`).

        None where it was never written.
        """
        found: Meanings = json.loads(self.metadata.get(MEANING, "{}"))
        return found


def register(run: Run, exported: Export, verdict: PromotionVerdict) -> str:
    """Make each graph a version of the use case's model, and the winner's the challenger.

    A graph that is a version already stays that version, so that a step which runs twice registers once.

    Returns:
        The id of the MLflow run that holds the graphs.

    Raises:
        TryAgain: MLflow does not answer.
    """
    client = tracking.connect(run.settings)
    with tracking.answering(run.settings):
        return _register(client, run, exported, verdict)


def _register(client: MlflowClient, run: Run, exported: Export, verdict: PromotionVerdict) -> str:
    name = run.use_case.name
    if not client.search_registered_models(filter_string=f"name='{name}'"):
        client.create_registered_model(name, description=run.use_case.title)
    known = {family: _version_of_graph(client, name, graph) for family, graph in exported.graphs.items()}
    holder = next((version.run_id for version in known.values() if version), None) or _begin(client, run)
    for family, graph in exported.judged.items():  # before its version, which is never without it
        if not known[family]:
            _log_judged(client, holder, graph)
    versions = {
        family: known[family] or _log(client, name, holder, family, graph, exported.choices.get(family))
        for family, graph in exported.graphs.items()
    }
    client.set_registered_model_alias(name, CHALLENGER, versions[verdict.winner].version)
    return holder


def champion(run: Run) -> Champion:
    """Load the version that the run asks for, else the champion of the morning on which the partition is due.

    So a night that runs again, years after, is scored by the model that scored it then. What-if runs and
    trainings take the champion of now.

    Raises:
        BadInput: the run asks for a version that does not exist.
        NoChampion: nothing was promoted yet, or not by that morning.
        TableCorrupt: the model's file is gone, or is not the one that was registered.
        TryAgain: MLflow does not answer.
    """
    client = tracking.connect(run.settings)
    wanted = definitions.champion_of(run)
    with tracking.answering(run.settings):
        known = _known_version(client, run.use_case.name, wanted)
    return _load(run.settings, known)


def as_judged(run: Run, model: Champion) -> Champion:
    """The fit of a version by which it was judged, that on the training rows alone.

    Held-out rows say something of it, and nothing of a later fit, which has learned from them.

    Raises:
        TableCorrupt: its file is gone, or is not the one that the version names.
        TryAgain: MLflow does not answer.
    """
    promised = model.metadata.get(JUDGED)
    if promised is None:
        return model
    name, client = run.use_case.name, tracking.connect(run.settings)
    with tracking.answering(run.settings):
        mlflow_run = str(client.get_model_version(name, model.version).run_id)
    path = f"{JUDGED_FOLDER}/{promised}.onnx"
    content = _artifact(run.settings, f"{name} version {model.version}", "its judged fit", mlflow_run, path)
    if _sha256(content) != promised:
        raise TableCorrupt(
            "the judged fit that is kept with it is not the one that it names",
            where=f"{name} version {model.version}",
            fix="bring MLflow's artifacts back from a backup, or train again",
        )
    return replace(model, graph=content, sha256=promised, engine=Graph.name, chunk_rows=None)


def champion_or_none(run: Run) -> Champion | None:
    """Load the champion, if there is one; see `champion`."""
    try:
        return champion(run)
    except NoChampion:
        return None


def follow(settings: Settings, name: str) -> None:
    """Let the alias name the champion that the history names.

    Asked again afterwards, since where the history lies in a bucket others may decide meanwhile.

    Raises:
        TryAgain: MLflow does not answer.
    """
    history, client = History.of(settings, name), tracking.connect(settings)
    version = history.champion
    while True:
        with tracking.answering(settings):
            _alias(client, name, version)
        before, version = version, history.champion
        if version == before:
            return


def _alias(client: MlflowClient, name: str, version: str | None) -> None:
    models = client.search_registered_models(filter_string=f"name='{name}'")
    aliased = models[0].aliases.get(CHAMPION) if models else None
    if version is None and aliased is not None:
        client.delete_registered_model_alias(name, CHAMPION)
    elif version is not None and str(aliased) != version:
        client.set_registered_model_alias(name, CHAMPION, version)


def rows_per_second(settings: Settings, name: str, version: str) -> float | None:
    """What a version's engine did when it was measured.

    Raises:
        TryAgain: MLflow does not answer.
    """
    client = tracking.connect(settings)
    with tracking.answering(settings):
        found = client.get_model_version(name, version).tags.get(SPEED_TAG)
    return None if found is None else _number(found, SPEED_TAG, name, version)


def version_of(settings: Settings, name: str, graph: bytes) -> str | None:
    """Return the number of the version whose graph this is, if it is registered.

    Raises:
        TryAgain: MLflow does not answer.
    """
    client = tracking.connect(settings)
    with tracking.answering(settings):
        found = _version_of_graph(client, name, graph)
    return str(found.version) if found else None


def _version_of_graph(client: MlflowClient, name: str, graph: bytes) -> ModelVersion | None:
    found = client.search_model_versions(f"name='{name}' and tag.`{GRAPH_TAG}`='{_sha256(graph)}'")
    return found[0] if found else None


def _known_version(client: MlflowClient, name: str, version: str) -> ModelVersion:
    versions = {str(found.version): found for found in client.search_model_versions(f"name='{name}'")}
    if not versions:
        raise BadInput(
            f"{name} has no model version {brief(version)}, nor any other yet", fix="run the training first"
        )
    if version not in versions:
        shown = [
            f"{number}: {found.tags.get('family')} of {found.tags.get('training_partition')}"
            for number, found in versions.items()
        ]
        raise BadInput(
            f"{name} has no model version {brief(version)}; there are",
            details=shown,
            fix="name one of these, or none for the champion",
        )
    return versions[version]


def _load(settings: Settings, version: ModelVersion) -> Champion:
    content = _download(settings, version)
    sha256, promised = _sha256(content), version.tags.get(GRAPH_TAG)
    if sha256 != promised:
        raise TableCorrupt(
            f"the model's file has sha256 {sha256[:12]}..., registered was {str(promised)[:12]}...",
            where=f"{version.name} version {version.version}",
            fix="bring the file back from a backup, score with another version, or train again",
        )
    metadata = Graph(content).metadata
    threshold = metadata.get("threshold")
    return Champion(
        version=str(version.version),
        graph=content,
        sha256=sha256,
        partition=dates.read(metadata["training_partition"]),
        threshold=None if threshold is None else float(threshold),
        metadata=metadata,
        # A version that was registered before engines were chosen has no such tags.
        engine=version.tags.get(ENGINE_TAG, Graph.name),
        chunk_rows=(
            int(_number(version.tags[CHUNK_TAG], CHUNK_TAG, version.name, version.version))
            if CHUNK_TAG in version.tags
            else None
        ),
    )


def _download(settings: Settings, version: ModelVersion) -> bytes:
    with TemporaryDirectory() as folder:
        try:
            with disk.retrying_when_full(
                f"{version.name} version {version.version}", Path(folder)
            ):  # MLflow tells it as a file that is not there
                place = tracking.bring(
                    settings, folder, artifact_uri=f"models:/{version.name}/{version.version}"
                )
            return (place / MODEL_FILE).read_bytes()
        except FileNotFoundError as error:
            raise TableCorrupt(
                f"the model's file cannot be read: {str(error).splitlines()[0]}",
                where=f"{version.name} version {version.version}",
                fix=(
                    "bring MLflow's artifacts back from a backup, score with another version, or train again"
                ),
            ) from error


def use_case_file(settings: Settings, name: str, version: str) -> bytes:
    """The use-case file that a version was trained with, as it was then.

    Raises:
        BadInput: there is no such version.
        TableCorrupt: the file is gone, or is not the one that the version names.
        TryAgain: MLflow does not answer.
    """
    client = tracking.connect(settings)
    with tracking.answering(settings):
        found = _known_version(client, name, version)
    where = f"{name} version {version}"
    content = _artifact(settings, where, "its use-case file", str(found.run_id), f"{name}.yaml")
    if _sha256(content) != found.tags.get("use_case_sha256"):
        raise TableCorrupt(
            "the use-case file that is kept with it is not the one that it was trained with",
            where=f"{name} version {version}",
            fix="bring MLflow's artifacts back from a backup, or train again",
        )
    return content


def _artifact(settings: Settings, where: str, what: str, mlflow_run: str, path: str) -> bytes:
    """A file that an MLflow run keeps beside its models."""
    with TemporaryDirectory() as folder:
        try:
            return tracking.bring(settings, folder, run_id=mlflow_run, artifact_path=path).read_bytes()
        except FileNotFoundError as error:
            raise TableCorrupt(
                f"{what} cannot be read: {str(error).splitlines()[0]}",
                where=where,
                fix="bring MLflow's artifacts back from a backup",
            ) from error


def _log_judged(client: MlflowClient, mlflow_run: str, graph: bytes) -> None:
    """Keep a judged fit by its own name: a later export may share the run, since graphs that are the same are
    registered once.
    """
    with TemporaryDirectory() as folder:
        file = Path(folder) / f"{_sha256(graph)}.onnx"
        disk.publish(file, graph)
        client.log_artifact(mlflow_run, str(file), JUDGED_FOLDER)


def _begin(client: MlflowClient, run: Run) -> str:
    tags = {"sluice.step": "export", "sluice.orchestrator": run.orchestrator}
    begun = client.create_run(tracking.experiment(client, run), run_name=f"{run.partition} export", tags=tags)
    run_id = str(begun.info.run_id)
    client.log_text(run_id, run.loaded.content.decode(), f"{run.use_case.name}.yaml")
    return run_id


def _log(
    client: MlflowClient, name: str, mlflow_run: str, family: Family, content: bytes, choice: Choice | None
) -> ModelVersion:
    """Log a graph as an MLflow model, then make it a version with all its tags at once: no version is ever
    without them.
    """
    graph = Graph(content)
    with mlflow.start_run(run_id=mlflow_run):
        logged = mlflow.onnx.log_model(
            onnx.load_from_string(content),
            name=family,
            signature=_signature(graph),
            pip_requirements=[f"onnxruntime=={installed('onnxruntime')}"],
            onnx_execution_providers=["CPUExecutionProvider"],
            save_as_external_data=False,
        )
    described = {key: value for key, value in graph.metadata.items() if key not in NOT_TAGS}
    tags = described | {GRAPH_TAG: _sha256(content)} | (_engine_tags(choice) if choice else {})
    return client.create_model_version(
        name, logged.model_uri, run_id=mlflow_run, tags=tags, model_id=logged.model_id
    )


def _engine_tags(choice: Choice) -> dict[str, str]:
    """What was measured: tags of the version, and not in the graph, whose bytes are the same each time."""
    return {
        ENGINE_TAG: choice.engine,
        CHUNK_TAG: str(choice.chunk_rows),
        SPEED_TAG: f"{choice.rows_per_second:.0f}",
    }


def _signature(graph: Graph) -> ModelSignature:
    # MLflow casts its doubles to the graph's floats, but refuses a double where a float is declared.
    kinds = {"number": "double", "text": "string"}
    columns = [ColSpec(kinds[kind], column, required=False) for column, kind in graph.inputs.items()]
    return ModelSignature(inputs=Schema(columns), outputs=Schema([ColSpec("float", "score")]))


def _number(tag: str, name: str, model: str, version: object) -> float:
    """A tag that somebody may have edited in MLflow."""
    try:
        found = float(tag)
    except ValueError:
        found = math.nan
    if not 0 < found < math.inf:
        raise TableCorrupt(
            f"MLflow's tag {name} is {brief(tag)}, and no number above 0",
            where=f"{model} version {version}",
            fix="correct it in MLflow, or train again",
        )
    return found


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
