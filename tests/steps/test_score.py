"""Each row of features becomes one prediction, which says what made it."""

from __future__ import annotations

import gc
import hashlib
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from multiprocessing import get_context

import pandas as pd
import pyarrow as pa
import pytest

from pipelines.core.errors import BadInput
from pipelines.core.policies import Capacity
from pipelines.core.tasks import REGRESSION
from pipelines.model import convert
from pipelines.model.graph import Graph
from pipelines.registry.registry import Champion
from pipelines.run.run import Run
from pipelines.steps import score
from tests.helpers import fitted
from tests.helpers.waiting import PATIENCE

NIGHT = date(2026, 2, 1)


@pytest.fixture(scope="module")
def champion() -> Champion:
    graph = fitted.exported().graphs["xgboost"]
    return Champion(
        version="3",
        graph=graph,
        sha256=hashlib.sha256(graph).hexdigest(),
        partition=date(2026, 1, 31),
        threshold=0.25,
        metadata=Graph(graph).metadata,
    )


@pytest.fixture
def run(open_run: Callable[..., Run]) -> Run:
    """A scoring night whose features are there."""
    run = open_run("scoring", NIGHT)
    run.store.write("features", fitted.rows().drop(columns=["bad", "split"]))
    return run


def stream(run: Run, champion: Champion) -> pa.RecordBatchReader:
    return score.predict(run.store.stream("features"), run.store.manifest("features").rows, champion, run)


def predicted(run: Run, champion: Champion) -> pd.DataFrame:
    table: pd.DataFrame = stream(run, champion).read_all().to_pandas()
    return table


def test_every_row_is_scored_and_says_what_scored_it(run: Run, champion: Champion) -> None:
    table = predicted(run, champion)
    assert list(table.columns) == [
        "id",
        "at",
        "score",
        "decision",
        "engine",
        "model_version",
        "run",
        "partition",
    ]
    assert table.id.tolist() == fitted.rows().id.tolist()
    expected = Graph(champion.graph).scores(pa.Table.from_pandas(fitted.rows()))
    assert table.score.tolist() == expected.tolist()
    assert set(table.model_version) == {"3"}
    assert set(table.partition) == {NIGHT}
    assert table.run.str.fullmatch("[0-9a-f]{12}").all()


def test_the_decision_is_taken_from_the_threshold_on(run: Run, champion: Champion) -> None:
    met = replace(
        champion, threshold=float(predicted(run, champion).score.quantile(0.6, interpolation="nearest"))
    )
    table = predicted(run, met)
    assert (table.score == met.threshold).any()
    assert table.decision.tolist() == (table.score >= met.threshold).astype(int).tolist()


def test_where_each_night_has_its_number_of_alarms_whatever_may_be_among_them_is_one(
    run: Run, champion: Champion
) -> None:
    exact = Capacity(policy="capacity", alarms_a_day=3, exact=True)
    counted = replace(
        run, loaded=replace(run.loaded, use_case=run.use_case.model_copy(update={"threshold": exact}))
    )
    table = predicted(counted, replace(champion, chunk_rows=50))
    greatest = table.sort_values(["score", "id"], ascending=[False, True]).head(3)
    assert set(greatest.decision) == {1}
    assert 3 <= table.decision.sum() < len(table)
    assert b'"alarms": 3' in score.scored_by(champion, counted)
    assert b"alarms" not in score.scored_by(champion, run)


def test_scoring_twice_gives_the_same_bytes(run: Run, champion: Champion) -> None:
    digests = [run.store.write("predictions", stream(run, champion)).digest for _ in range(2)]
    assert digests[0] == digests[1]


@pytest.mark.parametrize("engine", ["onnxruntime", "xgboost"])
def test_the_batches_in_which_rows_arrive_and_are_scored_do_not_show(
    run: Run, champion: Champion, engine: str
) -> None:
    whole, cut = replace(champion, engine=engine), replace(champion, engine=engine, chunk_rows=7)
    batches = run.store.stream("features").read_all().to_reader(max_chunksize=33)
    pd.testing.assert_frame_equal(
        score.predict(batches, 400, cut, run).read_all().to_pandas(), predicted(run, whole)
    )


def test_the_order_of_columns_does_not_matter(run: Run, champion: Champion) -> None:
    turned = run.store.stream("features", columns=["note", "channel", "age", "id", "amount", "at"])
    pd.testing.assert_frame_equal(
        score.predict(turned, 400, champion, run).read_all().to_pandas(), predicted(run, champion)
    )


def test_the_engine_that_was_chosen_scores_and_is_named(run: Run, champion: Champion) -> None:
    reference, chosen = predicted(run, champion), predicted(run, replace(champion, engine="xgboost"))
    assert (set(reference.engine), set(chosen.engine)) == ({"onnxruntime"}, {"xgboost"})
    assert chosen.score.to_numpy() == pytest.approx(reference.score.to_numpy(), abs=1e-6)
    assert (chosen.score != reference.score).any()  # by a last bit: it was another engine indeed


def test_an_engine_that_cannot_run_the_model_is_told_with_those_that_can(
    run: Run, champion: Champion
) -> None:
    with pytest.raises(BadInput, match=r"engine 'treelite'.* it can by onnxruntime, xgboost"):
        stream(run, replace(champion, engine="treelite"))


def test_an_infinite_number_in_a_late_batch_publishes_nothing(run: Run, champion: Champion) -> None:
    rows = fitted.rows().drop(columns=["bad", "split"])
    rows.loc[399, "amount"] = float("inf")
    run.store.write("features", rows)
    with pytest.raises(BadInput, match="amount: 1 of"):
        run.store.write("predictions", stream(run, replace(champion, chunk_rows=10)))
    assert not run.store.has("predictions")


def test_another_type_than_the_models_stops_before_the_first_row(run: Run, champion: Champion) -> None:
    run.store.write("features", fitted.rows().assign(age="old"))
    with pytest.raises(BadInput, match="age: is string, the model takes a number"):
        stream(run, champion)


def test_who_stops_reading_leaves_no_thread_behind(run: Run, champion: Champion) -> None:
    before = threading.active_count()
    predictions = stream(run, replace(champion, chunk_rows=10))
    predictions.read_next_batch()
    assert threading.active_count() > before
    del predictions
    assert threading.active_count() == before


def test_a_process_that_is_forked_after_scoring_can_score(run: Run, champion: Champion) -> None:
    boosted = replace(champion, engine="xgboost")
    expected = predicted(run, boosted)
    with get_context("fork").Pool(1, initializer=gc.freeze) as pool:  # see tests.helpers.child
        pd.testing.assert_frame_equal(
            pool.apply_async(predicted, (run, boosted)).get(timeout=PATIENCE), expected
        )


def test_the_fingerprint_names_the_model_its_engine_the_partition_the_use_case_and_the_features(
    run: Run, champion: Champion, open_run: Callable[..., Run]
) -> None:
    one = score.fingerprint(champion, run)
    other_engine = score.fingerprint(replace(champion, engine="xgboost"), run)
    other_model = score.fingerprint(replace(champion, sha256="0" * 64), run)
    next_night = open_run("scoring", date(2026, 2, 2))
    next_night.store.write("features", fitted.rows().drop(columns=["bad", "split"]))
    other_use_case = score.fingerprint(champion, replace(run, loaded=replace(run.loaded, sha256="0" * 64)))
    other_night = score.fingerprint(champion, next_night)
    run.store.write("features", fitted.rows().head(5))
    other_features = score.fingerprint(champion, run)
    assert len({one, other_engine, other_model, other_use_case, other_night, other_features}) == 6
    assert score.fingerprint(champion, replace(next_night, orchestrator="manual")) == other_night


def test_a_regression_predicts_numbers_and_decides_nothing(
    open_run: Callable[..., Run], champion: Champion
) -> None:
    run = open_run("scoring", NIGHT)
    facts = fitted.use_case("regression")
    run = replace(run, loaded=replace(run.loaded, use_case=facts))
    run.store.write("features", fitted.rows("regression"))
    graph = convert.graph_of(fitted.pipeline("linear", "regression"), facts.features, REGRESSION, "tiny", {})
    table = predicted(run, replace(champion, graph=graph, threshold=None))
    assert list(table.columns) == ["id", "at", "score", "engine", "model_version", "run", "partition"]
    assert table.score.max() > 1


def test_no_rows_give_an_empty_table_with_its_columns(run: Run, champion: Champion) -> None:
    run.store.write("features", fitted.rows().head(0))
    assert list(predicted(run, champion).columns)[2:4] == ["score", "decision"]


def test_features_that_the_model_does_not_know_stop_before_the_first_row(
    run: Run, champion: Champion
) -> None:
    run.store.write("features", fitted.rows().rename(columns={"amount": "amounts"}))
    with pytest.raises(BadInput, match="did you mean 'amounts'"):
        stream(run, champion)


def test_a_version_that_did_not_win_cannot_decide(run: Run, champion: Champion) -> None:
    with pytest.raises(BadInput, match="has no threshold"):
        stream(run, replace(champion, threshold=None))


def test_a_row_that_gets_lost_stops_the_table(
    run: Run, champion: Champion, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = score._score_batch
    monkeypatch.setattr(score, "_score_batch", lambda batch, **known: whole(batch, **known).slice(1))
    with pytest.raises(BadInput, match="400 rows of features, but 399 predictions"):
        run.store.write("predictions", stream(run, champion))
    assert not run.store.has("predictions")


# --- reasons


def asking(run: Run, most: int = 2) -> Run:
    use_case = run.use_case.model_copy(update={"reasons": most, "features": fitted.use_case().features})
    return replace(run, loaded=replace(run.loaded, use_case=use_case))


def test_alarms_say_why_and_other_rows_say_nothing(run: Run, champion: Champion) -> None:
    table = predicted(asking(run), champion)
    assert list(table.columns) == [
        "id",
        "at",
        "score",
        "decision",
        "reasons",
        "engine",
        "model_version",
        "run",
        "partition",
    ]
    assert table.loc[table.decision == 0, "reasons"].isna().all()
    alarms = table.loc[table.decision == 1, "reasons"]
    assert len(alarms) > 50
    assert alarms.str.fullmatch(r"(\w+ \+[\d.e-]+(; \w+ \+[\d.e-]+)?)?").all()
    assert alarms.str.startswith(("amount", "channel", "note")).mean() > 0.9
    pd.testing.assert_frame_equal(
        table.drop(columns="reasons").drop(columns="run"), predicted(run, champion).drop(columns="run")
    )


def test_reasons_do_not_depend_on_the_batches(run: Run, champion: Champion) -> None:
    cut = replace(champion, chunk_rows=7)
    pd.testing.assert_frame_equal(predicted(asking(run), cut), predicted(asking(run), champion))


def test_a_night_without_alarms_has_no_reasons(run: Run, champion: Champion) -> None:
    assert predicted(asking(run), replace(champion, threshold=2.0)).reasons.isna().all()
