"""Slices become predictions when they are one whole: every row once, of the features that are there, by one
model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.core.errors import BadInput
from pipelines.run.run import Run
from pipelines.steps import publish
from pipelines.storage.manifest import Manifest

NIGHT = date(2026, 2, 1)


@pytest.fixture
def run(open_run: Callable[..., Run]) -> Run:
    """A night with features of five rows."""
    run = open_run("scoring", NIGHT)
    run.store.write("features", pa.table({"id": ["a", "b", "c", "d", "e"]}))
    return run


def shards(run: Run, *rows: Sequence[str], version: Sequence[str] = ("3", "3", "3")) -> list[Manifest]:
    """Slices with some keys each, scored by some version."""
    written = []
    for number, (keys, by) in enumerate(zip(rows, version, strict=False)):
        scoring = run.task()
        scoring.store.read("features")
        table = pa.table(
            {
                "id": list(keys),
                "engine": ["xgboost"] * len(keys),
                "model_version": [by] * len(keys),
                "run": ["0f"] * len(keys),
            }
        )
        written.append(scoring.store.write("predictions", table, piece=f"{number + 1:04}-of-{len(rows):04}"))
    return written


def test_shards_that_hold_every_row_once_pass(run: Run) -> None:
    publish.require_whole(run.store.manifest("features"), shards(run, "ab", "cd", "e"), run)


@pytest.mark.parametrize(("rows", "found"), [(("ab", "cd"), 4), (("ab", "cd", "de"), 6)])
def test_a_row_too_few_or_too_many_is_not_published(run: Run, rows: Sequence[str], found: int) -> None:
    with pytest.raises(
        BadInput,
        match=(
            f"5 rows of features, but {found} predictions: nothing is published\n  way out: run the step"
            " score"
        ),
    ):
        publish.require_whole(run.store.manifest("features"), shards(run, *rows), run)


def test_shards_of_features_that_have_changed_since_are_not_published(run: Run) -> None:
    old = shards(run, "ab", "cd", "e")
    run.task().store.write("features", pa.table({"id": ["a", "b", "c", "d", "f"]}))
    with pytest.raises(
        BadInput, match=r"made of other features than are there now[\s\S]*- predictions/0001-of-0003, 2 rows"
    ):
        publish.require_whole(run.store.manifest("features"), old, run)


def test_shards_of_two_models_are_not_published(run: Run) -> None:
    names = [
        manifest.table.removeprefix("predictions/")
        for manifest in shards(run, "ab", "cd", "e", version=("3", "4", "4"))
    ]
    with pytest.raises(
        BadInput,
        match=(
            r"not scored by one and the same model[\s\S]*- 2 rows by version 3 [\s\S]*- 3 rows by version 4 "
        ),
    ):
        publish.require_one_model(run.store.read("predictions", names), run)
    same = [manifest.table.removeprefix("predictions/") for manifest in shards(run, "ab", "cd", "e")]
    publish.require_one_model(run.task().store.read("predictions", same), run)


# --- so many alarms a night


def a_night(run: Run, *rows: tuple[int, float]) -> duckdb.DuckDBPyRelation:
    """Keys and scores, each of which may be an alarm and has a reason."""
    keys, scores = zip(*rows, strict=True)
    table = pa.table(
        {
            "id": keys,
            "score": scores,
            "decision": pa.array([1] * len(keys), pa.int8()),
            "reasons": ["why"] * len(keys),
        }
    )
    return run.store.connection.from_arrow(table)


def alarms(rows: duckdb.DuckDBPyRelation) -> list[int]:
    return [key for (key,) in rows.filter("decision = 1").project("id").fetchall()]


def test_the_greatest_scores_of_the_night_are_its_alarms_and_of_equals_the_first_keys(run: Run) -> None:
    rows = a_night(run, (10, 0.5), (9, 0.5), (2, 0.1), (100, 0.9), (3, 0.5))
    decided = publish.greatest_of_the_night(rows, 3, "id")
    assert decided.columns == rows.columns
    assert decided.types == rows.types
    assert decided.project("id").fetchall() == [(10,), (9,), (2,), (100,), (3,)], "in their order"
    assert alarms(decided) == [9, 100, 3], "by number, not by text"
    assert decided.filter("reasons IS NOT NULL").project("id").fetchall() == [(9,), (100,), (3,)]


def test_of_fewer_rows_than_alarms_all_are_alarms(run: Run) -> None:
    assert alarms(publish.greatest_of_the_night(a_night(run, (1, 0.0), (2, 0.0)), 5, "id")) == [1, 2]


@given(st.lists(st.sampled_from([0.0, 0.25, 1.0]), max_size=12), st.integers(1, 12))
def test_there_are_as_many_alarms_as_asked_for_and_none_scores_less_than_another_row(
    scores: list[float], most: int
) -> None:
    table = pa.table(
        {"id": pa.array(range(len(scores)), pa.int64()), "score": pa.array(scores, pa.float64())}
    )
    rows = duckdb.connect().from_arrow(table).project("*, 0::TINYINT AS decision")
    found = publish.greatest_of_the_night(rows, most, "id").fetchall()
    taken = [score for _, score, decision in found if decision]
    assert len(taken) == min(most, len(scores))
    assert min(taken, default=1.0) >= max(
        (score for _, score, decision in found if not decision), default=0.0
    )
