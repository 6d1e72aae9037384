"""Slices become predictions when they are one whole: every row once, of the features that are there, by one
model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import pyarrow as pa
import pytest

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
