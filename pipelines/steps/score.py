"""Scoring: features -> predictions by the champion, streamed, each row traceable to what made it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.core.errors import BadInput
from pipelines.model import engines, reasons
from pipelines.model.engine import Engine
from pipelines.model.engine_pool import cores, in_order
from pipelines.run import plan
from pipelines.storage.store import as_json

if TYPE_CHECKING:
    from pipelines.registry.registry import Champion
    from pipelines.run.run import Run
    from pipelines.storage.parts import Shard


SCORED_BY = "scored_by.json"  # beside a night's predictions


def shard_of(run: Run, share: str) -> Shard:
    """The rows of features that are one share of the step.

    Raises:
        BadInput: features are not dealt so any more.
    """
    found = plan.shards(run).get(share)
    if found is None:
        raise BadInput(
            f"features have no shard {share!r}: they were written again meanwhile",
            where=run.store,
            fix="run the gate before and score again",
        )
    return found


def predict(features: pa.RecordBatchReader, rows: int, champion: Champion, run: Run) -> pa.RecordBatchReader:
    """Score every row, on all cores, while later rows are read and earlier ones written.

    Args:
        features: the features table or a shard of it, with key and time; the columns may stand in any order.
        rows: how many rows that is.
        champion: the version to score with, and the engine that it was registered with.
        run: the use case and its partition.

    Returns:
        A stream of the rows in their order: key, time, score (the probability of the positive class, or the
        prediction), decision (where the task has one: 1 if score >= the champion's threshold, else 0; where
        each night has its number of alarms, 1 for all that may be among them, of which `publish` knows),
        reasons (if the use case asks for them, see `reasons.of`; null where there is no alarm), engine (the
        library that computed the score), model_version, run (see `fingerprint`) and partition.

    Raises:
        BadInput: the table does not fit the champion's graph, the champion has no threshold or an engine that
            is not there, or (while the stream is read) a number is infinite or not every row came out.
    """
    engine = engines.load(champion.graph, champion.engine)
    engine.check(features.schema)
    if run.use_case.task.decides and champion.threshold is None:
        raise BadInput(
            f"version {champion.version} ({champion.metadata.get('family')}) has no threshold, since it"
            " did not win its training: it cannot decide",
            fix="score with the version that won, or with the champion",
        )
    schema = _schema(features.schema, run)
    explain = _explaining(engine, champion, run) if run.use_case.reasons else None
    chunk = min(champion.chunk_rows or engine.rows_at_once, engine.rows_at_once)
    constants = {
        "engine": engine.name,
        "model_version": champion.version,
        "run": fingerprint(champion, run),
        "partition": run.partition,
    }
    score = partial(
        _score_batch,
        engine=engine,
        decide=_deciding(champion, run),
        constants=_columns(constants, chunk),
        schema=schema,
        explain=explain,
    )
    return pa.RecordBatchReader.from_batches(
        schema, _all(in_order(score, _chunks(features, chunk), cores()), rows, run)
    )


def scored_by(champion: Champion, run: Run) -> bytes:
    """Which version has scored a night, and from which score on it decides, or how many alarms the night has,
    as JSON: the same for each shard.
    """
    told = {"version": champion.version, "threshold": champion.threshold, "alarms": every_night(run)}
    return as_json({name: value for name, value in told.items() if name != "alarms" or value is not None})


def every_night(run: Run) -> int | None:
    """How many alarms the night has, by rank; None where a threshold decides, or nothing does."""
    return run.use_case.threshold.every_night if run.use_case.threshold else None


def fingerprint(champion: Champion, run: Run) -> str:
    """Name what made the predictions: 12 hexadecimal digits of the sha256 over the use-case file, the
    features table, the graph, its engine and the partition.

    Not the orchestrator's run id, which differs each time: the same inputs give the same bytes.
    """
    parts = (
        run.loaded.sha256,
        run.store.manifest("features").digest,
        champion.sha256,
        champion.engine,
        run.partition.isoformat(),
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _schema(features: pa.Schema, run: Run) -> pa.Schema:
    use_case = run.use_case
    decision = [pa.field("decision", pa.int8())] if use_case.task.decides else []
    constants = [
        ("engine", pa.string()),
        ("model_version", pa.string()),
        ("run", pa.string()),
        ("partition", pa.date32()),
    ]
    why = [pa.field("reasons", pa.string())] if use_case.reasons else []
    return pa.schema(
        [
            features.field(use_case.key),
            features.field(use_case.time),
            ("score", pa.float64()),
            *decision,
            *why,
            *constants,
        ]
    )


def _chunks(batches: Iterable[pa.RecordBatch], size: int) -> Iterator[pa.RecordBatch]:
    return (batch.slice(at, size) for batch in batches for at in range(0, batch.num_rows, size))


def _columns(constants: dict[str, object], rows: int) -> dict[str, pa.Array]:
    """A column for each constant, made once: every batch takes its beginning."""
    return {name: pa.repeat(pa.scalar(value), rows) for name, value in constants.items()}


Decide: TypeAlias = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.bool_]]


def _deciding(champion: Champion, run: Run) -> Decide | None:
    """Say of scores which are alarms, or, where each night has its number of them, which may be: the greatest
    of any part of the night.
    """
    threshold, most = champion.threshold, every_night(run)
    if threshold is None:
        return None
    if most is None:
        return lambda score: score >= threshold
    return lambda score: (
        np.full(len(score), True) if len(score) <= most else score >= np.partition(score, -most)[-most]
    )


Explain: TypeAlias = Callable[[pa.RecordBatch, npt.NDArray[np.float32]], list[str]]


def _explaining(engine: Engine, champion: Champion, run: Run) -> Explain:
    usual, most = reasons.read(champion.metadata), run.use_case.reasons or 0
    return partial(reasons.of, engine=engine, usual=usual, most=most, rising=run.use_case.task.decides)


def _reasons(
    batch: pa.RecordBatch, score: npt.NDArray[np.float32], asked: npt.NDArray[np.bool_], explain: Explain
) -> pa.Array:
    """Reasons of some rows: they cost as many scores as there are features, and nobody asks about what raises
    no alarm.
    """
    found = iter(explain(batch.filter(pa.array(asked)), score[asked]) if asked.any() else [])
    return pa.array([next(found) if one else None for one in asked], pa.string())


def _score_batch(
    batch: pa.RecordBatch,
    engine: Engine,
    decide: Decide | None,
    constants: dict[str, pa.Array],
    schema: pa.Schema,
    explain: Explain | None,
) -> pa.RecordBatch:
    found = engine.scores(batch)
    score = found.astype(np.float64)
    columns = {"score": score, **{name: column.slice(0, len(score)) for name, column in constants.items()}}
    alarm = decide(score) if decide else None
    if alarm is not None:
        columns["decision"] = alarm.astype(np.int8)
    if explain:
        columns["reasons"] = _reasons(
            batch, found, np.full(len(score), True) if alarm is None else alarm, explain
        )
    columns |= {name: batch[name] for name in schema.names if name not in columns}  # key and time
    return pa.RecordBatch.from_pydict({name: columns[name] for name in schema.names}, schema=schema)


def _all(batches: Generator[pa.RecordBatch], rows: int, run: Run) -> Iterator[pa.RecordBatch]:
    """Pass on what comes, and make sure that it was every row."""
    found = 0
    with closing(batches):  # its threads end with it, also where nobody reads to the end
        for batch in batches:
            found += batch.num_rows
            yield batch
    if found != rows:
        raise BadInput(
            f"{rows:,} rows of features, but {found:,} predictions: nothing is published",
            where=run.store,
            fix="run the step again",
        )
