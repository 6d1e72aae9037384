"""What is expected of predictions: features' rows, by one model, each decided by its score."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.core.errors import TableMissing
from pipelines.gates.built_in.every import ENOUGH_ROWS, columns, has_key
from pipelines.gates.built_in.wording import GREATEST, is_, must, of_what_is_there
from pipelines.gates.gx.suite import Stated
from pipelines.run.run import Run
from pipelines.storage import kept


def predictions(run: Run) -> Iterator[Stated]:
    """Features' rows, each once, scored by one model and one engine; decisions follow from scores."""
    task = run.use_case.task
    rows = run.store.manifest("features").rows
    yield columns(run, "predictions")
    yield must("table_row_count_to_equal", value=rows, why="features' rows, each once")
    yield from has_key(run.use_case)
    yield must("column_values_to_not_be_null", column="score")
    low, high = (0, 1) if task.probabilities else (-GREATEST, GREATEST)
    yield must("column_values_to_be_between", column="score", min_value=low, max_value=high)
    if rows > ENOUGH_ROWS:
        yield must(
            "column_unique_value_count_to_be_between",
            column="score",
            min_value=2,
            why="a model that says the same of every row is none",
        )
    if task.decides:
        yield must("column_values_to_not_be_null", column="decision")
        yield must("column_values_to_be_in_set", column="decision", value_set=[0, 1])
        yield from _decisions_follow(run)
    yield must("column_values_to_not_be_null", column="engine")
    yield must(
        "column_unique_value_count_to_be_between", column="engine", max_value=1, why="one night, one engine"
    )
    yield must("column_values_to_not_be_null", column="model_version")
    yield must(
        "column_unique_value_count_to_be_between",
        column="model_version",
        max_value=1,
        why="one night, one model",
    )


@dataclass(frozen=True)
class _ScoredBy:
    """What the step score has told: see `score.scored_by`."""

    version: str
    threshold: float | None
    alarms: int | None = None


def _decisions_follow(run: Run) -> Iterator[Stated]:
    """Each decision follows from its score, by the threshold of the version that has scored.

    Nights of before have not told it.
    """
    try:
        content = run.store.citing_nothing().read_file("scored_by.json")
    except TableMissing:
        return
    told = kept.read(
        _ScoredBy, content, run.store.folder / "scored_by.json", "run the step score again, all shards of it"
    )
    version = told.version
    yield must(
        "column_values_to_be_in_set",
        column="model_version",
        value_set=[version],
        why="the version that has scored",
    )
    if told.alarms is not None:
        yield from _greatest(run, told.alarms)
        return
    cut = float("nan") if told.threshold is None else told.threshold
    why = f"version {version} decides from {cut:.6g} on"
    yield from _apart(cut, why, strict=True)


def _apart(cut: float, why: str, *, strict: bool) -> Iterator[Stated]:
    """Alarms score so much at least, all others less, or as much."""
    yield of_what_is_there(
        "column_values_to_be_between",
        column="score",
        min_value=cut,
        row_condition=is_("decision", 1),
        why=why,
    )
    yield of_what_is_there(
        "column_values_to_be_between",
        column="score",
        max_value=cut,
        **({"strict_max": True} if strict else {}),
        row_condition=is_("decision", 0),
        why=why,
    )


def _greatest(run: Run, alarms: int) -> Iterator[Stated]:
    """A night's alarms are its greatest scores, so many; with fewer rows, all of them."""
    rows = run.store.read("predictions").filter("score IS NOT NULL")
    last = rows.project("score").order("score DESC").limit(alarms).order("score").limit(1).fetchall()
    if not last:
        return
    n = min(alarms, run.store.manifest("features").rows)
    why = f"the {alarms:,} greatest scores of each night are its alarms"
    yield must("column_sum_to_be_between", column="decision", min_value=n, max_value=n, why=why)
    yield from _apart(float(last[0][0]), why, strict=False)
