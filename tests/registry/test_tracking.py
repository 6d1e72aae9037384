from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from io import BytesIO
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run as MlflowRun
from PIL import Image

from pipelines.core.errors import TryAgain
from pipelines.evaluation.inspection import Inspection
from pipelines.evaluation.results import Evaluation, SearchResult
from pipelines.evaluation.verdict import PromotionVerdict
from pipelines.metrics.cut import Cut
from pipelines.registry import snapshot, tracking, versions
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
from tests.helpers import fitted

TRIALS = pd.DataFrame(
    {
        "family": "linear",
        "candidate": [0, 1],
        "params": ['{"C": 0.1, "class_weight": null}', '{"C": 1, "class_weight": "balanced"}'],
        "mean_score": [0.5, 0.7],
        "std_score": [0.1, 0.2],
        "fold_scores": ["[0.4, 0.6]", "[0.5, 0.9]"],
        "baseline_score": 0.3,
        "gain": [0.2, 0.4],
        "best": [False, True],
    }
)
FOUND = SearchResult(
    "linear", TRIALS, pd.DataFrame(), b"", 0.7, {"C": 1, "class_weight": "balanced"}, (1.5, 2.5)
)
VERDICT = PromotionVerdict(
    winner="linear",
    metric="aucpr",
    threshold=Cut(0.25, 0.2, 0.3),
    values={"linear": {"aucpr": 0.8, "f1": 0.6}, "baseline": {"aucpr": 0.1}},
    champion_version=None,
    rules=(),
)


@pytest.fixture
def run(open_run: Callable[..., Run], mlflow_uri: str) -> Run:
    """A training whose features are published, in an MLflow without content."""
    run = replace(open_run("training", date(2026, 1, 31)), orchestrator="manual__1")
    run.store.write("features", fitted.rows())
    snapshot.publish(run)
    return run


def runs(run: Run) -> dict[str, MlflowRun]:
    """The use case's runs that are not deleted, by name; a name that stands twice fails."""
    client = MlflowClient(run.settings.mlflow)
    home = client.get_experiment_by_name("tiny")
    assert home is not None
    found = client.search_runs([home.experiment_id])
    named = {each.info.run_name: each for each in found}
    assert len(named) == len(found)
    return named


def judged() -> Evaluation:
    png = BytesIO()
    Image.new("RGB", (2, 3)).save(png, "png")
    nothing = pd.DataFrame()
    return Evaluation(
        scores=nothing,
        curves=nothing,
        verdict=VERDICT,
        pictures={"roc": png.getvalue()},
        trials=nothing,
        rows=nothing,
        inspection=Inspection((0.8,), nothing, "", nothing, None),
    )


def test_a_search_is_a_run_with_the_best_and_a_nested_run_for_each_candidate(run: Run) -> None:
    outer = tracking.log_search(run, "linear", FOUND)
    found = runs(run)
    assert set(found) == {"2026-01-31 linear", "2026-01-31 linear 0", "2026-01-31 linear 1"}
    assert found["2026-01-31 linear"].info.run_id == outer
    assert found["2026-01-31 linear"].data.metrics == {"cv_aucpr": 0.7, "baseline_aucpr": 0.3, "gain": 0.4}
    nested = found["2026-01-31 linear 1"]
    assert nested.data.tags["mlflow.parentRunId"] == outer
    assert nested.data.params == {"C": "1", "class_weight": "balanced"}
    assert nested.data.metrics == {
        "cv_aucpr": 0.7,
        "cv_aucpr_std": 0.2,
        "fit_seconds": 2.5,
        "cv_aucpr_fold": 0.9,
    }
    assert {each.info.status for each in found.values()} == {"FINISHED"}


def test_every_fold_s_score_is_kept(run: Run) -> None:
    tracking.log_search(run, "linear", FOUND)
    nested = runs(run)["2026-01-31 linear 1"].info.run_id
    history = MlflowClient(run.settings.mlflow).get_metric_history(nested, "cv_aucpr_fold")
    assert [(point.step, point.value) for point in history] == [(0, 0.5), (1, 0.9)]


def test_every_run_says_what_it_was_made_from(run: Run) -> None:
    tracking.log_search(run, "linear", FOUND)
    expected = {
        f"sluice.{name}": value
        for name, value in {**snapshot.lineage(run), "family": "linear", "orchestrator": "manual__1"}.items()
    }
    assert expected["sluice.data_version"] == versions.of(run.store).md5
    assert expected["sluice.training_partition"] == "2026-01-31"
    for each in runs(run).values():
        assert expected.items() <= each.data.tags.items()


def test_a_repeated_search_takes_the_place_of_the_earlier_one(run: Run) -> None:
    first = tracking.log_search(run, "linear", FOUND)
    second = tracking.log_search(replace(run, orchestrator="manual__2"), "linear", FOUND)
    assert first != second
    assert {each.data.tags["sluice.orchestrator"] for each in runs(run).values()} == {"manual__2"}
    assert len(runs(run)) == 3


def test_the_searches_of_other_families_and_other_data_stay(run: Run) -> None:
    tracking.log_search(run, "linear", FOUND)
    tracking.log_search(run, "xgboost", FOUND)
    assert len(runs(run)) == 6
    run.store.write("features", fitted.rows().head(100))
    snapshot.publish(run)
    home = (
        MlflowClient(run.settings.mlflow)
        .get_run(tracking.log_search(run, "linear", FOUND))
        .info.experiment_id
    )
    assert len(MlflowClient(run.settings.mlflow).search_runs([home])) == 9


def test_an_evaluation_is_a_run_with_each_models_metrics_the_card_and_the_pictures(run: Run) -> None:
    run.write_report("evaluate", "<h1>Card</h1>")
    evaluation = tracking.log_evaluation(run, judged())
    found = runs(run)["2026-01-31 evaluation"]
    assert found.info.run_id == evaluation
    assert found.data.metrics == {"linear.aucpr": 0.8, "linear.f1": 0.6, "baseline.aucpr": 0.1}
    assert found.data.params == {"winner": "linear", "threshold": "0.25"}
    client = MlflowClient(run.settings.mlflow)
    assert [each.path for each in client.list_artifacts(evaluation)] == ["evaluate.html", "pictures"]
    card = Path(client.download_artifacts(evaluation, "evaluate.html"))
    assert card.read_text() == "<h1>Card</h1>"
    assert found.info.artifact_uri.startswith(run.settings.artifacts.as_uri())
    assert Image.open(client.download_artifacts(evaluation, "pictures/roc.png")).size == (2, 3)


def test_a_repeated_evaluation_takes_the_place_of_the_earlier_one_and_leaves_the_searches(run: Run) -> None:
    run.write_report("evaluate", "<h1>Card</h1>")
    tracking.log_search(run, "linear", FOUND)
    for _ in range(2):
        tracking.log_evaluation(run, judged())
    assert len(runs(run)) == 4


def test_an_mlflow_that_does_not_answer_is_told_without_its_password_and_may_be_tried_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    away = replace(settings, mlflow="http://sluice:secret@127.0.0.1:9")
    with pytest.raises(
        TryAgain, match=r"MLflow at http://sluice:\*\*\*@127\.0\.0\.1:9 does not answer"
    ) as told:
        tracking.connect(away)
    assert "secret" not in str(told.value)
