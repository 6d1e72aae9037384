"""Export: each family's trained model becomes an ONNX graph that says what it is, and proves that it is the
same model.

Which engine scores it from then on is found out here, too: the fastest of those that prove it.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping

import duckdb
import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from pipelines.core import meaning
from pipelines.core.config import Family, Features, UseCase
from pipelines.core.sql import name as quoted
from pipelines.evaluation.results import Export
from pipelines.evaluation.verdict import PromotionVerdict, judged_as
from pipelines.gates.built_in.models import PARITY
from pipelines.model import candidate, convert, engines, inputs, reasons
from pipelines.model.engine import Engine
from pipelines.model.engine_xgboost import booster_metadata
from pipelines.model.graph import Graph
from pipelines.model.parity import ON_ALL, compare, held_out_metric, of_metric

logger = logging.getLogger(__name__)

FORMAT = "1"  # of the graph's inputs, output and metadata, for whoever reads a graph later


def export(
    features: duckdb.DuckDBPyRelation,
    candidates: Mapping[Family, bytes],
    verdict: PromotionVerdict,
    use_case: UseCase,
    metadata: Mapping[str, str],
    on: duckdb.DuckDBPyRelation | None = None,
) -> Export:
    """Write each fitted candidate as an ONNX graph and compare the two.

    Args:
        features: the training's features table, with its column `split`.
        candidates: family -> the fitted Pipeline, as `candidate.load` reads it.
        verdict: the evaluation's outcome: held-out values of each family, the winner and its threshold.
        use_case: the facts of the use case.
        metadata: lineage, written into each graph.
        on: those of the features whose held-out rows the verdict is about; all by default.

    Returns:
        A graph a family, the parity table, and the engine that each graph is best scored by.
    """
    pipelines = {family: candidate.load(content) for family, content in candidates.items()}
    usual = json.dumps(reasons.typical(features, use_case), sort_keys=True)
    graphs = {
        family: convert.graph_of(
            pipeline,
            use_case.features,
            use_case.task,
            use_case.name,
            {
                **metadata,
                **_description(family, verdict, use_case),
                **_held_out_tags(features, on, pipeline, verdict.cut, use_case),
                **booster_metadata(pipeline),
                reasons.TYPICAL: usual,
            },
        )
        for family, pipeline in pipelines.items()
    }
    table = parity(features, pipelines, graphs, verdict, use_case, on)
    difference = float(table["difference"][table["kind"] != "metric"].max())
    return Export(
        graphs,
        table,
        difference,
        {family: _choice(features, family, graph, table) for family, graph in graphs.items()},
    )


def parity(
    features: duckdb.DuckDBPyRelation,
    pipelines: Mapping[Family, Pipeline],
    graphs: Mapping[Family, bytes],
    verdict: PromotionVerdict,
    use_case: UseCase,
    on: duckdb.DuckDBPyRelation | None = None,
) -> pd.DataFrame:
    """Compare each trained model with its graph, and the winner's graph with what the evaluation says of it.

    ONNX Runtime is always in the table, for the gate to judge; another engine only where the gate would let
    it through.
    """
    rows, winner = _without_failed(compare(features, pipelines, graphs, use_case)), verdict.winner
    judged = verdict.values[winner][verdict.metric]
    held_out_metric = [
        of_metric(on or features, winner, engine, judged, verdict.cut, use_case)
        for engine in _proven_engines(winner, graphs[winner], rows)
    ]
    # The graph itself has a name here, so that it is known which one was compared.
    named = {family: hashlib.sha256(graph).hexdigest() for family, graph in graphs.items()}
    return pd.concat([rows, *held_out_metric], ignore_index=True).assign(
        graph_sha256=lambda table: table["family"].map(named)
    )


def _without_failed(rows: pd.DataFrame) -> pd.DataFrame:
    """Leave out each engine that scores some row otherwise than the trained model.

    It is not to be chosen, either.
    """
    greatest = rows.groupby(["family", "engine"], sort=False)["difference"].transform("max")
    failed = (rows["engine"] != Graph.name) & ~(greatest <= PARITY)
    for (family, engine), part in rows[failed].groupby(["family", "engine"]):
        logger.warning(
            "%s is not scored by %s: it differs from the trained model by up to %.1e, %.0e is allowed",
            family,
            engine,
            part["difference"].max(),
            PARITY,
        )
    return rows[~failed]


def _proven_engines(family: Family, graph: bytes, rows: pd.DataFrame) -> list[Engine]:
    """The engines that the parity table has for a family."""
    there = set(rows["engine"][rows["family"] == family])
    return [engine for name, engine in engines.every(graph).items() if name in there]


def _choice(
    features: duckdb.DuckDBPyRelation, family: Family, graph: bytes, table: pd.DataFrame
) -> engines.Choice:
    """Measure on held-out rows.

    Where only ONNX Runtime is left, that tells its best number of rows at once.
    """
    rows = features.filter("split = 'test'").limit(max(engines.CHUNKS)).to_arrow_table()
    choice = engines.fastest({engine.name: engine for engine in _proven_engines(family, graph, table)}, rows)
    logger.info(
        "%s is scored by %s: %s rows a second", family, choice.engine, f"{choice.rows_per_second:,.0f}"
    )
    return choice


def _description(family: Family, verdict: PromotionVerdict, use_case: UseCase) -> dict[str, str]:
    """What a graph says of itself beside its lineage."""
    described = {
        "format": FORMAT,
        "task": use_case.task.name,
        "target": use_case.target,
        "features": json.dumps(_kinds(use_case.features)),
        meaning.KEY: json.dumps(meaning.meanings(use_case), sort_keys=True),
    }
    if use_case.task.classes:
        described["classes"] = json.dumps(use_case.task.classes)
        described["positive"] = json.dumps(use_case.label.positive)
    return described | judged_as(family, verdict, use_case)


def _held_out_tags(
    features: duckdb.DuckDBPyRelation,
    on: duckdb.DuckDBPyRelation | None,
    pipeline: Pipeline,
    cut: float | None,
    use_case: UseCase,
) -> dict[str, str]:
    """What the model's score is on all held-out rows, where it was judged on fewer: who looks at it later has
    them all.
    """
    if on is None or len(on) == len(features):
        return {}
    test = features.filter("split = 'test'").order(quoted(use_case.key)).to_arrow_table()
    scores = candidate.scores(pipeline, inputs.frame(test.to_pandas(), use_case.features), use_case.task)
    found = held_out_metric("measured", test, np.asarray(scores, dtype=np.float64), cut, use_case)
    return {} if found is None else {f"{ON_ALL}{use_case.metric.name}": repr(found)}


def _kinds(features: Features) -> list[dict[str, str]]:
    kinds = {"number": features.numbers, "category": features.categories, "text": features.texts}
    return [{"name": name, "kind": kind} for kind, names in kinds.items() for name in names]
