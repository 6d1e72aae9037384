"""Features of nights beside labels that are due by now: what a newer fit can learn from, and older versions
can be asked about.

Labels are those that weekly reports have found (`outcomes`), so that a source is read once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from pipelines.core import sql
from pipelines.core.calendar import plain
from pipelines.core.dates import Days
from pipelines.model.graph import Graph
from pipelines.monitoring import outcomes
from pipelines.registry import definitions
from pipelines.steps import drift

if TYPE_CHECKING:
    import duckdb

    from pipelines.registry.registry import Champion
    from pipelines.run.run import Run
    from pipelines.storage.store import Store

MOST_ROWS = 100_000  # in memory, drawn by their keys
LABEL, UNIT, VERSION, SCORE, DECISION = ":label", ":unit", ":version", ":score", ":decision"


def read(run: Run, model: Champion, days: Days) -> duckdb.DuckDBPyRelation | None:
    """Rows of nights whose features mean what a version has learned, with their labels.

    Args:
        run: A drift run, which has published its own `outcomes`.
        model: The version.
        days: Which days.

    Returns:
        Key, time, the version's inputs, `LABEL`, `UNIT` (null where each row is its own), `VERSION`, `SCORE`
        and `DECISION` (null where there is none): of who scored the night. None where no such row is there.
    """
    inputs = list(Graph(model.graph).inputs)
    parts = [
        _joined(rows, night, inputs, run)
        for rows, of in _outcomes(run, days)
        for night in _nights(run, model, of)
    ]
    return sql.gathered(parts) if parts else None


def _outcomes(run: Run, days: Days) -> Iterator[tuple[duckdb.DuckDBPyRelation, list[date]]]:
    """The tables `outcomes` of this report and of those before it, the newest first, their rows with a label;
    and the days of which no newer one tells.
    """
    told: set[date] = set()
    within, on = days.hold("time"), run.calendar.of_sql("time")
    for partition in sorted(run.store.partitions("drift"), reverse=True):
        report = run.store.at("drift", partition)
        if partition > run.partition or not report.has("outcomes"):
            continue
        rows = outcomes.labelled(report.read("outcomes")).filter(within)
        there = {plain(day) for (day,) in rows.project(f"{on} AS day").distinct().fetchall()}
        if own := sorted(there - told):
            yield rows, own
        told |= there


def _nights(run: Run, model: Champion, days: Iterable[date]) -> Iterator[Store]:
    """The nights of some days whose features mean what the version has learned."""
    for day in days:
        night = run.store.at("scoring", day)
        if not night.has("features"):
            continue
        means = night.manifest("features").meaning
        if model.meanings and all(means.get(name) == learned for name, learned in model.meanings.items()):
            yield night


def _joined(
    rows: duckdb.DuckDBPyRelation, night: Store, inputs: list[str], run: Run
) -> duckdb.DuckDBPyRelation:
    use_case, on = run.use_case, run.calendar.of_sql
    features = drift.with_names(
        night.read("features"), definitions.file_of_table(run, night, "features"), use_case
    )
    key, time = sql.name(use_case.key), sql.name(use_case.time)
    names = ", ".join(f"features.{sql.name(name)} AS {sql.name(name)}" for name in inputs)
    unit = "told.unit" if use_case.unit_column else "NULL::VARCHAR"
    decision = "told.decision" if use_case.task.decides else "NULL::INTEGER"
    return (
        features.set_alias("features")
        .join(
            rows.set_alias("told"),
            f"features.{key} = told.key AND {on(f'features.{time}')} = {on('told.time')}",
        )
        .project(
            f"features.{key} AS {key}, features.{time} AS {time}, {names}, told.label AS {sql.name(LABEL)},"
            f" {unit} AS {sql.name(UNIT)}, told.model_version AS {sql.name(VERSION)},"
            f" told.score AS {sql.name(SCORE)}, {decision} AS {sql.name(DECISION)}"
        )
    )


def frame(rows: duckdb.DuckDBPyRelation | None, run: Run) -> pd.DataFrame:
    """Some rows in memory, at most `MOST_ROWS`, in order of time, then key."""
    use_case = run.use_case
    if rows is None:
        return pd.DataFrame(columns=[use_case.key, use_case.time, *use_case.features.names, LABEL, UNIT])
    key, time = sql.name(use_case.key), sql.name(use_case.time)
    found: pd.DataFrame = (
        rows.order(f"md5({key}::VARCHAR), {key}").limit(MOST_ROWS).order(f"{time}, {key}").df()
    )
    return found


def scores(graph: Graph, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
    """What a graph says of rows, shape (n,)."""
    # a column of which all values are missing has no type of its own
    types = {"number": pa.float64(), "text": pa.string()}
    given = {name: pa.array(rows[name], types[kind], from_pandas=True) for name, kind in graph.inputs.items()}
    return graph.scores(pa.table(given)).astype(np.float64)
