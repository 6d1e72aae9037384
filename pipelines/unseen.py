"""Rows that judge a model must be rows that it has never seen: of the champion, its lineage knows which it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines import snapshot, sql
from pipelines.errors import BadInput

if TYPE_CHECKING:
    import duckdb

    from pipelines.registry import Champion
    from pipelines.run import Run


def require(run: Run, features: duckdb.DuckDBPyRelation, champion: Champion) -> None:
    """Make sure that the champion was trained or tuned on none of a training's held-out rows.

    On such rows it would look better than it is, and a better challenger would lose.

    Args:
        run: The training.
        features: Its features table.
        champion: Who is to be compared on its held-out rows.

    Raises:
        BadInput: it was trained on some of them, or nobody knows any more on which rows it was.
    """
    name, version = run.use_case.name, champion.version
    known_by = f"champion version {version} of the training {champion.partition}"
    try:
        with snapshot.rows(run, champion.metadata["data_version"]) as known:
            seen = count(features, known, run.use_case.key)
    except BadInput as error:
        raise BadInput(
            f"{run.store}: {known_by} cannot be compared, since it cannot be told on which rows it was trained: {error}\n"
            f"  way out: bring DVC's remote back; or let the champion go: python -m pipelines models retire {name} --reason ..."
        ) from error
    if seen:
        ((held_out,),) = features.filter("split = 'test'").count("*").fetchall()
        raise BadInput(
            f"{run.store}: {seen:,} of {held_out:,} held-out rows are rows that {known_by} was trained on: on these it would look better than it is\n"
            "  so comes a training of days before the champion's, or a changed split; the champion stays\n"
            f"  way out: train a later partition, or let the champion go: python -m pipelines models retire {name} --reason ..."
        )


def count(features: duckdb.DuckDBPyRelation, known: duckdb.DuckDBPyRelation, key: str) -> int:
    """Count the held-out rows of one features table that are training rows of another one.

    Args:
        features: With its columns `split` and key.
        known: The other one, with the same.
        key: The column that names a row.

    Raises:
        BadInput: the other one has no such column.
    """
    if key not in known.columns:
        raise BadInput(f"its training rows have no column {key!r}")
    held_out, trained = features.filter("split = 'test'"), known.filter("split = 'train'")
    # As texts: a key that was a number then, and is a text now, is still the same key.
    same = f"CAST(held_out.{sql.name(key)} AS VARCHAR) = CAST(trained.{sql.name(key)} AS VARCHAR)"
    both = held_out.set_alias("held_out").join(trained.set_alias("trained"), same, how="semi")
    ((found,),) = both.count("*").fetchall()
    return int(found)
