"""Versions are registered once, found again by what they are, and never served when they are not what was
registered.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import mlflow
import numpy as np
import pyarrow as pa
import pytest

from pipelines.core.errors import BadInput, NoChampion, TableCorrupt, TryAgain
from pipelines.model.graph import Graph
from pipelines.registry import registry, tracking
from pipelines.registry.history import History
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
from tests.helpers import fitted, tiny
from tests.registry.test_history import FIRST

TRAINING = date(2026, 1, 31)


def _opened(place: Path, mlflow_database: Path) -> Run:
    """A training of the tiny use case in a place of its own, with an MLflow of its own."""
    (place / f"{tiny.NAME}.yaml").write_text(tiny.YAML)
    shutil.copy(mlflow_database, place / "mlflow.db")
    settings = Settings(
        data=place / "data",
        use_cases=place,
        var=place,
        mlflow=f"sqlite:///{place / 'mlflow.db'}",
        mirror=None,
    )
    return Run.open(tiny.NAME, "training", TRAINING, settings)


@pytest.fixture
def run(tmp_path: Path, mlflow_database: Path) -> Run:
    return _opened(tmp_path, mlflow_database)


@pytest.fixture
def registered(run: Run) -> Run:
    registry.register(run, fitted.exported(), fitted.verdict())
    return run


@pytest.fixture(scope="module")
def crowned(tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path) -> Run:
    """A registered training whose winner is champion, for tests that change nothing: registering takes a
    second.
    """
    run = _opened(tmp_path_factory.mktemp("registry"), mlflow_database)
    registry.register(run, fitted.exported(), fitted.verdict())
    History.of(run.settings, "tiny").append(replace(FIRST, version=_challenger(run)))
    registry.follow(run.settings, "tiny")
    return run


def _challenger(run: Run) -> str:
    client = tracking.connect(run.settings)
    return str(client.get_registered_model("tiny").aliases["challenger"])


def test_each_family_becomes_a_version_that_tells_its_origin_and_its_merits(crowned: Run) -> None:
    versions = tracking.connect(crowned.settings).search_model_versions("name='tiny'")
    assert {version.tags["family"] for version in versions} == set(fitted.FAMILIES)
    tags = next(version.tags for version in versions if version.tags["family"] == "xgboost")
    assert tags["training_partition"] == "2026-01-31"
    assert tags["data_version"] == "d41d8cd9.dir"
    assert tags["held_out_aucpr"] == "0.9"
    assert tags["threshold"] == "0.25"
    assert len(tags["graph_sha256"]) == 64
    assert "booster" not in tags


def test_the_engine_is_the_versions_and_not_the_graphs(crowned: Run) -> None:
    choice, champion = fitted.exported().choices["xgboost"], registry.champion(crowned)
    tags = tracking.connect(crowned.settings).get_model_version("tiny", champion.version).tags
    assert (tags["engine"], tags["chunk_rows"], tags["rows_per_second"]) == (
        choice.engine, str(choice.chunk_rows), f"{choice.rows_per_second:.0f}"
    )  # fmt: skip
    assert (champion.engine, champion.chunk_rows) == (choice.engine, choice.chunk_rows)
    assert not {"engine", "chunk_rows", "rows_per_second"} & set(champion.metadata)


def test_a_version_that_was_registered_without_an_engine_is_scored_by_the_reference(run: Run) -> None:
    registry.register(run, replace(fitted.exported(), choices={}), fitted.verdict())
    champion = registry.champion(replace(run, model_version=_challenger(run)))
    assert (champion.engine, champion.chunk_rows) == ("onnxruntime", None)


def test_the_winner_becomes_the_challenger_and_nobody_the_champion(registered: Run) -> None:
    aliases = tracking.connect(registered.settings).get_registered_model("tiny").aliases
    winner = tracking.connect(registered.settings).get_model_version("tiny", aliases["challenger"])
    assert set(aliases) == {"challenger"}
    assert registry.champion_or_none(registered) is None
    assert winner.tags["family"] == "xgboost"


def test_registering_the_same_graphs_again_makes_nothing_new(crowned: Run) -> None:
    client = tracking.connect(crowned.settings)
    before = {version.version: version.run_id for version in client.search_model_versions("name='tiny'")}
    holder = registry.register(crowned, fitted.exported(), fitted.verdict())
    after = {version.version: version.run_id for version in client.search_model_versions("name='tiny'")}
    assert after == before
    assert {holder} == set(after.values())


def test_a_registration_that_was_killed_half_way_is_completed(registered: Run) -> None:
    client = tracking.connect(registered.settings)
    half = next(v for v in client.search_model_versions("name='tiny'") if v.tags["family"] == "xgboost")
    client.delete_model_version("tiny", half.version)
    registry.register(registered, fitted.exported(), fitted.verdict())
    assert sorted(v.tags["family"] for v in client.search_model_versions("name='tiny'")) == sorted(
        fitted.FAMILIES
    )


def test_another_training_makes_versions_of_its_own(registered: Run) -> None:
    registry.register(registered, fitted.exported(partition="2026-02-28"), fitted.verdict())
    assert len(tracking.connect(registered.settings).search_model_versions("name='tiny'")) == 6


def test_the_champion_is_the_very_graph_that_was_registered(crowned: Run) -> None:
    champion = registry.champion(crowned)
    assert champion.graph == fitted.exported().graphs["xgboost"]
    assert champion.version == _challenger(crowned)
    assert (champion.partition, champion.threshold) == (TRAINING, 0.25)
    assert champion.metadata["family"] == "xgboost"


def test_mlflows_own_users_find_the_champion_by_its_alias(crowned: Run) -> None:
    rows = fitted.rows().head(20)[["amount", "age", "channel", "note"]].fillna({"channel": ""})
    tracking.connect(crowned.settings)
    found = mlflow.pyfunc.load_model("models:/tiny@champion").predict(
        rows.astype({"channel": object, "note": object})
    )
    expected = Graph(fitted.exported().graphs["xgboost"]).scores(
        pa.Table.from_pandas(rows, preserve_index=False)
    )
    assert np.array_equal(found["score"].to_numpy(), expected)


def test_a_run_may_ask_for_a_version(crowned: Run) -> None:
    client = tracking.connect(crowned.settings)
    linear = next(v for v in client.search_model_versions("name='tiny'") if v.tags["family"] == "linear")
    champion = registry.champion(replace(crowned, model_version=str(linear.version)))
    assert champion.graph == fitted.exported().graphs["linear"]
    assert champion.threshold is None


@pytest.mark.parametrize("version", ["77", "the best one"])
def test_an_unknown_version_is_told_with_the_known_ones(crowned: Run, version: str) -> None:
    with pytest.raises(BadInput) as error:
        registry.champion(replace(crowned, model_version=version))
    assert f"no model version {version!r}" in str(error.value)
    assert "xgboost of 2026-01-31" in str(error.value)


def test_without_a_champion_there_is_a_way_out(run: Run) -> None:
    with pytest.raises(NoChampion, match="tiny_training"):
        registry.champion(run)
    assert registry.champion_or_none(run) is None


def test_a_model_file_that_was_changed_or_is_gone_is_not_served(registered: Run) -> None:
    asked = replace(registered, model_version=_challenger(registered))
    (file,) = (
        path
        for path in registered.settings.artifacts.rglob("model.onnx")
        if path.read_bytes() == fitted.exported().graphs["xgboost"]
    )
    file.write_bytes(fitted.exported().graphs["linear"])
    with pytest.raises(TableCorrupt, match="registered was"):
        registry.champion(asked)
    file.unlink()
    with pytest.raises(TableCorrupt, match="cannot be read"):
        registry.champion(asked)


def test_a_registry_that_does_not_answer_is_worth_another_try(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    away = replace(run, settings=replace(run.settings, mlflow="http://127.0.0.1:9"))
    with pytest.raises(TryAgain, match="does not answer"):
        registry.champion(away)


# --- the champion of the day


@pytest.fixture(scope="module")
def dethroned(tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path) -> Run:
    """Version 1 became champion by the training of 31 January, 2 by that of 10 February.

    Somebody has moved MLflow's alias to 3.
    """
    run = _opened(tmp_path_factory.mktemp("dethroned"), mlflow_database)
    registry.register(run, fitted.exported(), fitted.verdict())
    for version, previous, partition in (("1", None, "2026-01-31"), ("2", "1", "2026-02-10")):
        History.of(run.settings, "tiny").append(
            replace(FIRST, version=version, previous=previous, partition=partition)
        )
    tracking.connect(run.settings).set_registered_model_alias("tiny", "champion", "3")
    return run


def night(run: Run, day: int, *, what_if: bool = False) -> Run:
    return Run.open(tiny.NAME, "scoring", date(2026, 2, day), run.settings, what_if=what_if)


@pytest.mark.parametrize(("day", "version"), [(1, "1"), (9, "1"), (10, "2"), (20, "2")])
def test_a_night_is_scored_by_the_champion_of_its_own_morning(dethroned: Run, day: int, version: str) -> None:
    assert registry.champion(night(dethroned, day)).version == version


def test_a_week_is_reported_on_with_the_champion_of_the_morning_after_it(dethroned: Run) -> None:
    weeks = [Run.open(tiny.NAME, "drift", date(2026, 2, day), dethroned.settings) for day in (3, 4)]
    assert [registry.champion(week).version for week in weeks] == ["1", "2"]


def test_a_what_if_run_and_a_training_take_the_champion_of_now(dethroned: Run) -> None:
    assert registry.champion(night(dethroned, 1, what_if=True)).version == "2"
    assert registry.champion(dethroned).version == "2"


def test_a_night_before_the_first_champion_has_none_and_a_way_out(dethroned: Run) -> None:
    before = Run.open(tiny.NAME, "scoring", date(2026, 1, 30), dethroned.settings)
    with pytest.raises(
        NoChampion, match=r"holds since 2026-02-01\n.*backfill tiny 2026-01-30 2026-01-30 --champion now"
    ):
        registry.champion(before)


def test_the_fit_that_was_judged_is_kept_beside_the_one_that_scores(run: Run) -> None:
    exported = fitted.exported(refit="all")
    registry.register(run, exported, fitted.verdict())
    serving = registry.champion(replace(run, model_version=_challenger(run)))
    judged = registry.as_judged(run, serving)
    assert serving.graph == exported.graphs["xgboost"]
    assert judged.graph == exported.judged["xgboost"]
    assert (judged.version, judged.threshold) == (serving.version, serving.threshold)


def test_a_version_that_was_not_fitted_again_is_what_was_judged(crowned: Run) -> None:
    champion = registry.champion(crowned)
    assert registry.as_judged(crowned, champion) is champion


def test_a_judged_fit_that_was_changed_or_is_gone_judges_nothing(run: Run) -> None:
    registry.register(run, fitted.exported(refit="all"), fitted.verdict())
    serving = registry.champion(replace(run, model_version=_challenger(run)))
    (file,) = run.settings.artifacts.rglob("judged/*.onnx")
    file.write_bytes(fitted.exported().graphs["linear"])
    with pytest.raises(TableCorrupt, match="not the one that it names"):
        registry.as_judged(run, serving)
    file.unlink()
    with pytest.raises(TableCorrupt, match="its judged fit cannot be read"):
        registry.as_judged(run, serving)


def test_a_later_export_that_shares_graphs_leaves_the_earlier_judged_fit_as_it_is(run: Run) -> None:
    first = fitted.exported(refit="all")
    registry.register(run, first, fitted.verdict())
    version = registry.champion(replace(run, model_version=_challenger(run)))
    graphs = {**first.graphs, "xgboost": fitted.exported(partition="2026-02-28").graphs["xgboost"]}
    other = replace(first, graphs=graphs, judged={"xgboost": fitted.exported().graphs["linear"]})
    assert registry.register(run, other, fitted.verdict())
    assert registry.as_judged(run, version).graph == first.judged["xgboost"]
