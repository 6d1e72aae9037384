"""Parity: the trained model beside its exported graph in each engine, row by row, on held-out rows and on
rows made to tell them apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pandas as pd
import pyarrow as pa
from duckdb import ColumnExpression, DuckDBPyRelation, FunctionExpression
from duckdb.sqltypes import VARCHAR
from onnx import helper
from sklearn.pipeline import Pipeline

from pipelines.core.config import Family, Features, UseCase
from pipelines.core.sql import name as quoted
from pipelines.metrics import daily, metrics
from pipelines.metrics.scored import NEVER, Scored
from pipelines.model import candidate, engines, inputs
from pipelines.model.engine import Engine
from pipelines.model.graph import Graph

MOST_ROWS = 20_000  # held-out rows compared; a converter's mistake shows long before
ON_ALL = (  # in a graph, before the metric: its value there, where that is not the one that was judged
    "on_all_held_out_"
)
# What a row of the table is about: `ROWS` are rows that were scored twice.
REAL, EDGE, METRIC, KEPT = "real", "edge", "metric", "kept"
ROWS = (REAL, EDGE)
JUDGED, REFIT = "judged", "refit"  # which fit: of the training rows, which was judged; of all, which scores
MOST_SPLITS = 100  # of a tree model, roots first: every row meets those

EXTREMES = (0.0, -1.0, 1e30, -1e30)
TEXTS = {
    "empty": "",
    "blank": " \t ",
    "only punctuation": "?!... -- ;",
    "of several lines": "free\nprize\r\n\tnow",
    "with emoji": "call 📞 me 🎉🎉",
    "with other scripts": "ÀÉÎ straße İstanbul 中文 привет",
    "with unseen words": "zzqx zzqy zzqx",
    "very long": "free call now " * 2_000,
}


def compare(
    features: DuckDBPyRelation,
    pipelines: Mapping[Family, Pipeline],
    graphs: Mapping[Family, bytes],
    use_case: UseCase,
) -> pd.DataFrame:
    """Score the same rows by each family's Pipeline and by its graph, in each engine that can run it.

    Args:
        features: the training's features table, with its column `split`.
        pipelines: family -> the fitted Pipeline.
        graphs: family -> the graph that was exported from it.
        use_case: names the features, the key and the task.

    Returns:
        A row a family, engine and compared row: family, engine, kind (`real`, held out; or `edge`), key (an
        edge row's says what it is), expected (Pipeline), found (graph) and difference. The difference is
        absolute for probabilities; a regression's is divided by the standard deviation of the training labels
        (on edge rows by the prediction, if that is greater: float32 has seven digits, and an edge row can
        lead to any number). It is infinite where a score is not a number.
    """
    real = _held_out(features, use_case)
    scale = 1.0 if use_case.task.probabilities else _spread_of_labels(features, use_case)
    edges = _as_table(_edge_rows(real.slice(0, 1).to_pylist()[0], use_case.features), use_case)
    parts = []
    for family, pipeline in pipelines.items():
        splits = _as_table(
            _split_rows(real.slice(0, 1).to_pylist()[0], graphs[family], use_case.features), use_case
        )
        rows = pa.concat_tables([real, edges, splits])
        kinds = np.repeat([REAL, EDGE], [len(real), len(edges) + len(splits)])
        expected = np.asarray(
            candidate.scores(pipeline, inputs.frame(rows.to_pandas(), use_case.features), use_case.task),
            np.float64,
        )
        parts += [
            _comparison(family, expected, engine, rows, kinds, scale, use_case)
            for engine in engines.every(graphs[family]).values()
        ]
    return pd.concat(parts, ignore_index=True)


def of_metric(
    features: DuckDBPyRelation,
    family: Family,
    engine: Engine,
    judged: float,
    threshold: float | None,
    use_case: UseCase,
) -> pd.DataFrame:
    """Measure the exported winner on the held-out rows on which it was judged: it must have the very score of
    then.

    Whatever evaluation may mix up (another model's scores, rows that it has trained on), this number is then
    another one.

    Args:
        features: the training's features table, without held-out rows on which nobody was judged
            (`as_learned.common`).
        family: the winner.
        engine: what was exported of it, as an engine runs it.
        judged: its primary metric on the held-out rows, as the evaluation says.
        threshold: its decision's, which some metrics need.
        use_case: names the metric.

    Returns:
        One row, as `compare` returns them: kind `metric`, key the metric's name, difference relative to
        `judged` where that is above 1.
    """
    test = features.filter("split = 'test'").order(quoted(use_case.key)).to_arrow_table()
    found = held_out_metric(family, test, engine.scores(test).astype(np.float64), threshold, use_case)
    difference = np.inf if found is None else abs(judged - found) / max(1.0, abs(judged))
    row = {
        "family": family,
        "engine": engine.name,
        "kind": METRIC,
        "key": use_case.metric.name,
        "expected": judged,
        "found": found,
    }
    return pd.DataFrame([row | {"difference": difference}]).astype(
        {"expected": np.float64, "found": np.float64, "difference": np.float64}
    )


def of_refit(
    features: DuckDBPyRelation,
    family: Family,
    graph: bytes,
    judged: float,
    least: float,
    threshold: float | None,
    use_case: UseCase,
) -> pd.DataFrame:
    """Measure the winner that was fitted again on the rows on which the first fit was judged.

    It has learned from them, so the metric says nothing of how good it is; but one that is much worse there
    has gone wrong.

    Args:
        features: see `of_metric`.
        family: the winner.
        graph: of the new fit.
        judged: the first fit's primary metric on these rows.
        least: what it had to beat, the better of the baseline's and the best constant's.
        threshold: its decision's, which some metrics need.
        use_case: names the metric.

    Returns:
        One row, as `compare` returns them: kind `kept`, key the metric's name, expected `judged`; difference
        is the share of the lead over `least` that was lost, 0 where none was.
    """
    test = features.filter("split = 'test'").order(quoted(use_case.key)).to_arrow_table()
    engine = Graph(graph)
    found = held_out_metric(family, test, engine.scores(test).astype(np.float64), threshold, use_case)
    row = {"family": family, "engine": engine.name, "kind": KEPT, "key": use_case.metric.name}
    lost = _share_lost(use_case.metric.name, found, judged, least)
    return pd.DataFrame([row | {"expected": judged, "found": found, "difference": lost}]).astype(
        {"expected": np.float64, "found": np.float64, "difference": np.float64}
    )


def _share_lost(metric: str, found: float | None, judged: float, least: float) -> float:
    """The share of the lead that was lost; infinite where it cannot be told."""
    lead = metrics.gain(metric, judged, least)
    if found is None or not lead > 0:
        return np.inf
    return max(metrics.gain(metric, judged, found) / lead, 0.0)


def held_out_metric(
    name: str, test: pa.Table, scores: npt.NDArray[np.float64], threshold: float | None, use_case: UseCase
) -> float | None:
    """The primary metric of scores of held-out rows; None where it has no value.

    Args:
        name: the model's.
        test: the rows, with their label.
        scores: theirs, shape (rows,).
        threshold: its decision's, which some metrics need.
        use_case: names the metric.
    """
    y = np.asarray(test[use_case.target].to_numpy(), dtype=np.float64)
    cut, taken = NEVER if threshold is None else threshold, daily.of_table(scores, test, use_case)
    scored = Scored(name, scores, cut, taken)
    return scored.value(use_case.metric.name, y, use_case.stakes, np.full(len(y), True))


def _comparison(
    family: str,
    expected: npt.NDArray[np.float64],
    engine: Engine,
    rows: pa.Table,
    kinds: npt.NDArray[np.str_],
    scale: float,
    use_case: UseCase,
) -> pd.DataFrame:
    found = engine.scores(rows).astype(np.float64)
    scales = np.full(len(rows), scale)
    if not use_case.task.probabilities:
        scales = np.where(kinds == "edge", np.maximum(scale, np.abs(expected)), scale)
    difference = np.abs(expected - found) / scales
    return pd.DataFrame(
        {
            "family": family,
            "engine": engine.name,
            "kind": kinds,
            "key": rows[use_case.key].to_pandas().astype("str"),
            "expected": expected,
            "found": found,
            # Expectations pass over a missing value, so not-a-number must not be one.
            "difference": np.where(np.isnan(difference), np.inf, difference),
        }
    )


def _held_out(features: DuckDBPyRelation, use_case: UseCase) -> pa.Table:
    """The held-out rows, at most `MOST_ROWS` of them, drawn by the md5 of their key: key and features, in
    their own kinds.
    """
    key = ColumnExpression(use_case.key).cast(VARCHAR)
    columns = [key.alias(use_case.key), *map(ColumnExpression, use_case.features.names)]
    drawn = features.filter("split = 'test'").sort(FunctionExpression("md5", key), key).limit(MOST_ROWS)
    return drawn.select(*columns).to_arrow_table().cast(_schema(use_case))


def _spread_of_labels(features: DuckDBPyRelation, use_case: UseCase) -> float:
    spread = FunctionExpression("stddev_samp", ColumnExpression(use_case.target))
    ((found,),) = features.filter("split = 'train'").aggregate([spread]).fetchall()
    return float(found)


def _schema(use_case: UseCase) -> pa.Schema:
    names = use_case.features.names
    kinds = [pa.float64() if name in use_case.features.numbers else pa.string() for name in names]
    return pa.schema([(use_case.key, pa.string()), *zip(names, kinds, strict=True)])


def _as_table(rows: Iterator[tuple[str, dict[str, Any]]], use_case: UseCase) -> pa.Table:
    return pa.Table.from_pylist([row | {use_case.key: what} for what, row in rows], schema=_schema(use_case))


def _edge_rows(row: dict[str, Any], features: Features) -> Iterator[tuple[str, dict[str, Any]]]:
    """Variations of one real row, each with what it is about."""
    yield "every number missing", row | dict.fromkeys(features.numbers)
    for name in features.numbers:
        yield f"{name} missing", row | {name: None}
        for value in EXTREMES:
            yield f"{name} = {value:g}", row | {name: value}
    for name in features.categories:
        yield f"{name} missing", row | {name: None}
        yield f"{name} empty", row | {name: ""}
        yield f"{name} unseen", row | {name: "never seen before"}
    for name in features.texts:
        yield f"{name} missing", row | {name: None}
        for what, text in TEXTS.items():
            yield f"{name} {what}", row | {name: text}


def _split_rows(
    row: dict[str, Any], graph: bytes, features: Features
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The row with numbers on, just below and just above the thresholds of a tree model's splits.

    None for other models.
    """
    numbers = tuple(features.numbers)
    for feature, threshold in _splits(graph, len(numbers)):
        name, value = numbers[feature], np.float32(threshold)
        yield f"{name} = threshold {value:.9g}", row | {name: float(value)}
        for side, beyond in (("below", -np.inf), ("above", np.inf)):
            yield (
                f"{name} just {side} threshold {value:.9g}",
                row | {name: float(np.nextafter(value, np.float32(beyond)))},
            )
    if _trees(graph):
        # Not for linear models: their scaling overflows there, and scikit-learn then refuses the row.
        greatest = float(np.finfo(np.float32).max)
        for name in numbers:
            yield f"{name} = greatest float32", row | {name: greatest}
            yield f"{name} = least float32", row | {name: -greatest}


def _splits(graph: bytes, numbers: int) -> list[tuple[int, float]]:
    """Distinct (number feature, threshold) of the trees, roots first.

    The Pipelines put number features first, one column each.
    """
    found: dict[tuple[int, float], None] = {}
    for tree in _trees(graph):
        nodes = zip(
            tree["nodes_nodeids"],
            tree["nodes_treeids"],
            tree["nodes_featureids"],
            tree["nodes_values"],
            tree["nodes_modes"],
            strict=True,
        )
        splits = sorted(
            (node, at, feature, value)
            for node, at, feature, value, mode in nodes
            if mode != b"LEAF" and feature < numbers
        )
        found |= dict.fromkeys((feature, value) for _, _, feature, value in splits)
    return list(found)[:MOST_SPLITS]


def _trees(graph: bytes) -> list[dict[str, Any]]:
    nodes = onnx.load_from_string(graph).graph.node
    return [
        {a.name: helper.get_attribute_value(a) for a in node.attribute}
        for node in nodes
        if node.op_type.startswith("TreeEnsemble")
    ]
