"""Scoring: features -> predictions by the champion's graph, streamed, each row traceable to what made it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa

from pipelines.errors import BadInput
from pipelines.model.graph import Graph

if TYPE_CHECKING:
    from pipelines.registry import Champion
    from pipelines.run import Run

ROWS_AT_ONCE = 50_000  # held in memory; the graph cuts them further


def predict(features: duckdb.DuckDBPyRelation, champion: Champion, run: Run) -> pa.RecordBatchReader:
    """Score every row.

    Args:
        features: the features table, with key and time.
        champion: the version to score with.
        run: the use case and its partition.

    Returns:
        A stream of the rows in their order: key, time, score (the probability of the positive class, or the prediction),
        decision (binary tasks only: 1 where score >= the champion's threshold, else 0), model_version, run (see
        `fingerprint`) and partition.

    Raises:
        BadInput: the table does not fit the champion's graph, the champion has no threshold, or (while the stream is
            read) not every row came out.
    """
    graph = Graph(champion.graph)
    columns = features.limit(0).to_arrow_table().schema
    graph.check(columns)
    if run.use_case.task == "binary" and champion.threshold is None:
        raise BadInput(
            f"version {champion.version} ({champion.metadata.get('family')}) has no threshold, since it did not win its training: it cannot decide\n"
            "  way out: score with the version that won, or with the champion"
        )
    schema = _schema(columns, run)
    ((rows,),) = features.count("*").fetchall()
    # Last, since the connection answers nothing else while this stream is open.
    batches = features.to_arrow_reader(ROWS_AT_ONCE)
    return pa.RecordBatchReader.from_batches(schema, _all(_predictions(batches, graph, champion, run, schema), rows, run))


def fingerprint(champion: Champion, run: Run) -> str:
    """Name what made the predictions: 12 hexadecimal digits of the sha256 over the use-case file, the features table, the graph and the partition.

    Not the orchestrator's run id, which differs each time: the same inputs give the same bytes.
    """
    parts = (run.loaded.sha256, run.store.manifest("features").digest, champion.sha256, run.partition.isoformat())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _schema(features: pa.Schema, run: Run) -> pa.Schema:
    use_case = run.use_case
    decision = [pa.field("decision", pa.int8())] if use_case.task == "binary" else []
    constants = [("model_version", pa.string()), ("run", pa.string()), ("partition", pa.date32())]
    return pa.schema([features.field(use_case.key), features.field(use_case.time), ("score", pa.float64()), *decision, *constants])


def _predictions(batches: pa.RecordBatchReader, graph: Graph, champion: Champion, run: Run, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    constants = {"model_version": champion.version, "run": fingerprint(champion, run), "partition": run.partition}
    for batch in batches:
        score = graph.scores(batch).astype(np.float64)
        columns = {"score": score, **{name: pa.repeat(pa.scalar(value), len(score)) for name, value in constants.items()}}
        if champion.threshold is not None:
            columns["decision"] = (score >= champion.threshold).astype(np.int8)
        columns |= {name: batch[name] for name in (run.use_case.key, run.use_case.time)}
        yield pa.RecordBatch.from_pydict(columns, schema=schema)


def _all(batches: Iterator[pa.RecordBatch], rows: int, run: Run) -> Iterator[pa.RecordBatch]:
    """Pass on what comes, and make sure that it was every row."""
    found = 0
    for batch in batches:
        found += batch.num_rows
        yield batch
    if found != rows:
        raise BadInput(
            f"{run.store}: {rows:,} rows of features, but {found:,} predictions: nothing is published\n  way out: run the step again"
        )
