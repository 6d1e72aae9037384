"""Export: each family's trained model becomes an ONNX graph that says what it is, and proves that it is the
same model.

The winner has been judged, and is fitted again on all labelled rows (`candidates.refit`): that fit becomes a
graph, too, which proves the same, and that it has learned no less. Which engine scores from then on is found
out here: the fastest of those that prove it.
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
from pipelines.evaluation.scores import to_beat
from pipelines.evaluation.verdict import PromotionVerdict, judged_as
from pipelines.gates.built_in.models import PARITY
from pipelines.model import candidate, convert, engines, inputs, reasons, refit
from pipelines.model import parity as parity_of
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
        A graph a family, which scores if the family has won; of the winner also the one that was judged,
        where that is another one; the parity table, and the engine that each graph is best scored by.
    """
    pipelines = {family: candidate.load(content) for family, content in candidates.items()}
    described = _descriptions(features, pipelines, verdict, use_case, metadata, on)
    judged = {family: _graph(pipeline, described[family], use_case) for family, pipeline in pipelines.items()}
    table, graphs, winner = parity(features, pipelines, judged, verdict, use_case, on), judged, verdict.winner
    if use_case.candidates.refit == "all":
        again, n = refit.on_all_rows(pipelines[winner], features, use_case)
        known = {refit.ROWS: str(n), refit.JUDGED: hashlib.sha256(judged[winner]).hexdigest()}
        known |= _on_all_held_out(features, again, verdict.cut, use_case)
        graphs = judged | {winner: _graph(again, described[winner] | known, use_case)}
        refitted = refit_parity(features, again, graphs[winner], verdict, use_case, on)
        table = pd.concat([table, refitted], ignore_index=True)
    return Export(
        graphs=graphs,
        parity=table,
        greatest_difference=float(table["difference"][table["kind"].isin(parity_of.ROWS)].max()),
        choices={
            family: _choice(features, family, graph, _of_graph(table, graph))
            for family, graph in graphs.items()
        },
        judged={family: graph for family, graph in judged.items() if graph != graphs[family]},
    )


def _descriptions(
    features: duckdb.DuckDBPyRelation,
    pipelines: Mapping[Family, Pipeline],
    verdict: PromotionVerdict,
    use_case: UseCase,
    metadata: Mapping[str, str],
    on: duckdb.DuckDBPyRelation | None,
) -> dict[Family, dict[str, str]]:
    """What each family's graph says of itself."""
    usual = json.dumps(reasons.typical(features, use_case), sort_keys=True)
    fewer = on is not None and len(on) < len(features)
    return {
        family: {**metadata, **_description(family, verdict, use_case), reasons.TYPICAL: usual}
        | (_on_all_held_out(features, pipeline, verdict.cut, use_case) if fewer else {})
        for family, pipeline in pipelines.items()
    }


def _graph(pipeline: Pipeline, says: Mapping[str, str], use_case: UseCase) -> bytes:
    metadata = {**says, **booster_metadata(pipeline)}
    return convert.graph_of(pipeline, use_case.features, use_case.task, use_case.name, metadata)


def _of_graph(table: pd.DataFrame, graph: bytes) -> pd.DataFrame:
    return table[table["graph_sha256"] == hashlib.sha256(graph).hexdigest()]


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
    return _named(pd.concat([rows, *held_out_metric], ignore_index=True), graphs, parity_of.JUDGED)


def refit_parity(
    features: duckdb.DuckDBPyRelation,
    again: Pipeline,
    graph: bytes,
    verdict: PromotionVerdict,
    use_case: UseCase,
    on: duckdb.DuckDBPyRelation | None = None,
) -> pd.DataFrame:
    """Compare the winner that was fitted again with its graph, and its graph with what was judged.

    Args:
        features: the training's features table, with its column `split`.
        again: the winner, fitted on all labelled rows.
        graph: that was exported from it.
        verdict: what the evaluation says of the judged fit.
        use_case: the facts of the use case.
        on: those of the features whose held-out rows the verdict is about; all by default.
    """
    winner, metric = verdict.winner, verdict.metric
    rows = _without_failed(compare(features, {winner: again}, {winner: graph}, use_case))
    judged = verdict.values[winner][metric]
    least = to_beat(metric, {model: values.get(metric) for model, values in verdict.values.items()})
    kept = parity_of.of_refit(on or features, winner, graph, judged, least, verdict.cut, use_case)
    return _named(pd.concat([rows, kept], ignore_index=True), {winner: graph}, parity_of.REFIT)


def _named(rows: pd.DataFrame, graphs: Mapping[Family, bytes], fit: str) -> pd.DataFrame:
    """The graph itself has a name here, so that it is known which one was compared."""
    named = {family: hashlib.sha256(graph).hexdigest() for family, graph in graphs.items()}
    return rows.assign(graph_sha256=rows["family"].map(named), fit=fit)


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


def _on_all_held_out(
    features: duckdb.DuckDBPyRelation, pipeline: Pipeline, cut: float | None, use_case: UseCase
) -> dict[str, str]:
    """What a fit's score is on all held-out rows, where that is not what it was judged by: whoever looks at
    its graph later has these rows to see whether it is still the same.
    """
    test = features.filter("split = 'test'").order(quoted(use_case.key)).to_arrow_table()
    scores = candidate.scores(pipeline, inputs.frame(test.to_pandas(), use_case.features), use_case.task)
    found = held_out_metric("measured", test, np.asarray(scores, dtype=np.float64), cut, use_case)
    return {} if found is None else {f"{ON_ALL}{use_case.metric.name}": repr(found)}


def _kinds(features: Features) -> list[dict[str, str]]:
    kinds = {"number": features.numbers, "category": features.categories, "text": features.texts}
    return [{"name": name, "kind": kind} for kind, names in kinds.items() for name in names]
