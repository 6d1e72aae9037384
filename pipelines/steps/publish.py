"""Publishing: shards of predictions -> predictions, once it is certain that they are one whole.

Slices are scored by tasks of their own, of which each may have failed, been tried again, or run days after
the others.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from pipelines.core import sql
from pipelines.core.errors import BadInput
from pipelines.run.run import Run
from pipelines.storage.manifest import Manifest


def require_whole(features: Manifest, shards: Sequence[Manifest], run: Run) -> None:
    """Make sure that every row of features has come out once.

    Args:
        features: what the features table says of itself.
        shards: the same of each shard of predictions.
        run: whose they are.

    Raises:
        BadInput: a shard was made of other features than are published now, or there are more or fewer rows
            than of features.
    """
    source = f"{run.kind}/{run.partition}/{features.table}"
    others = [
        f"{shard.table}, {shard.rows:,} rows"
        for shard in shards
        if shard.inputs.get(source) != features.digest
    ]
    if others:
        raise BadInput(
            "shards of predictions that were made of other features than are there now: nothing is published",
            where=run.store,
            details=others,
            fix=_SCORE_AGAIN,
        )
    found = sum(shard.rows for shard in shards)
    if found != features.rows:
        raise BadInput(
            f"{features.rows:,} rows of features, but {found:,} predictions: nothing is published",
            where=run.store,
            fix=_SCORE_AGAIN,
        )


def require_one_model(predictions: duckdb.DuckDBPyRelation, run: Run) -> None:
    """Make sure that one version has scored all shards, in one way.

    Args:
        predictions: the rows of all shards.
        run: whose they are.

    Raises:
        BadInput: several have, because another model became champion in between.
    """
    makers = "model_version, engine, run"
    found = predictions.aggregate(f"{makers}, count(*) AS rows").order(makers).fetchall()
    if len(found) > 1:
        told = [
            f"{rows:,} rows by version {version} ({engine}; {made})" for version, engine, made, rows in found
        ]
        raise BadInput(
            "the shards were not scored by one and the same model: nothing is published",
            where=run.store,
            details=told,
            fix=_SCORE_AGAIN,
        )


def greatest_of_the_night(
    predictions: duckdb.DuckDBPyRelation, alarms: int, key: str
) -> duckdb.DuckDBPyRelation:
    """The rows in their order, of which the greatest scores are alarms: so many, of equal scores those with
    the first keys.

    Reasons are kept of alarms alone.

    Args:
        predictions: the rows of all shards.
        alarms: how many a night has.
        key: the column of the key.
    """
    name = sql.name(key)
    taken = predictions.project(f"score, {name} AS key").order("score DESC, key").limit(alarms)
    last = taken.order("score, key DESC").limit(1).fetchall()
    if not last:
        return predictions
    ((score, last_key),) = last
    number, type_ = f"'{score!r}'::DOUBLE", predictions.types[predictions.columns.index(key)]
    alarm = f"(score > {number} OR (score = {number} AND {name} <= {sql.text(str(last_key))}::{type_}))"
    changed = [f"{alarm}::TINYINT AS decision"]
    if "reasons" in predictions.columns:
        changed.append(f"if({alarm}, reasons, NULL) AS reasons")
    return predictions.project(f"* REPLACE ({', '.join(changed)})")


_SCORE_AGAIN = "run the step score again, all shards of it"
