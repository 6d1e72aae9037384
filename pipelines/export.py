"""Export: each family's trained model becomes an ONNX graph that says what it is, and proves that it is the same model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import pandas as pd
from sklearn.pipeline import Pipeline

from pipelines.config import Family, Features, UseCase
from pipelines.evaluate import Verdict
from pipelines.model import candidate, convert
from pipelines.parity import compare, of_metric

FORMAT = "1"  # of the graph's inputs, output and metadata, for whoever reads a graph later


@dataclass(frozen=True)
class Exported:
    """What an export makes."""

    graphs: dict[Family, bytes]
    parity: pd.DataFrame  # see `parity.compare` and `parity.of_metric`
    greatest_difference: float  # of any row's scores


def export(
    features: duckdb.DuckDBPyRelation, candidates: Mapping[Family, bytes], verdict: Verdict, use_case: UseCase, metadata: Mapping[str, str]
) -> Exported:
    """Write each fitted candidate as an ONNX graph and compare the two.

    Args:
        features: the training's features table, with its column `split`.
        candidates: family -> the fitted Pipeline, as `candidate.load` reads it.
        verdict: the evaluation's outcome: held-out values of each family, the winner and its threshold.
        use_case: the facts of the use case.
        metadata: lineage, written into each graph.

    Returns:
        A graph a family, and the parity table.
    """
    pipelines = {family: candidate.load(content) for family, content in candidates.items()}
    graphs = {
        family: convert.graph_of(
            pipeline, use_case.features, use_case.task, use_case.name, {**metadata, **_described(family, verdict, use_case)}
        )
        for family, pipeline in pipelines.items()
    }
    table = parity(features, pipelines, graphs, verdict, use_case)
    return Exported(graphs, table, greatest_difference=float(table["difference"][table["kind"] != "metric"].max()))


def parity(
    features: duckdb.DuckDBPyRelation,
    pipelines: Mapping[Family, Pipeline],
    graphs: Mapping[Family, bytes],
    verdict: Verdict,
    use_case: UseCase,
) -> pd.DataFrame:
    """Compare each trained model with its graph, and the winner's graph with what the evaluation says of it."""
    rows, winner = compare(features, pipelines, graphs, use_case), verdict.winner
    judged = verdict.values[winner][verdict.metric]
    return pd.concat([rows, of_metric(features, winner, graphs[winner], judged, verdict.threshold, use_case)], ignore_index=True)


def _described(family: Family, verdict: Verdict, use_case: UseCase) -> dict[str, str]:
    """What a graph says of itself beside its lineage."""
    described = {
        "format": FORMAT,
        "family": family,
        "task": use_case.task,
        "target": use_case.target,
        "features": json.dumps(_kinds(use_case.features)),
        "metric": verdict.metric,
        **{f"held_out_{name}": repr(value) for name, value in verdict.values[family].items()},
    }
    if use_case.task == "binary":
        described["classes"] = json.dumps([0, 1])
        described["positive"] = json.dumps(use_case.label.positive)
    if family == verdict.winner and verdict.threshold is not None:
        described["threshold"] = repr(verdict.threshold)
    return described


def _kinds(features: Features) -> list[dict[str, str]]:
    kinds = {"number": features.numbers, "category": features.categories, "text": features.texts}
    return [{"name": name, "kind": kind} for kind, names in kinds.items() for name in names]
