"""Rows that judge a model must be rows that it has never seen: of the champion, its lineage knows which it
has.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from pipelines.core import meaning, sql
from pipelines.core.errors import BadInput
from pipelines.model import refit
from pipelines.registry import definitions, registry, snapshot
from pipelines.registry.snapshot import KEPT

if TYPE_CHECKING:
    import duckdb

    from pipelines.core.config import UseCase
    from pipelines.registry.registry import Champion
    from pipelines.run.run import Run


class OtherKey(BadInput):
    """Rows of two trainings cannot be told to be the same: they bear other keys."""


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
    name = run.use_case.name
    known_by = f"champion version {champion.version} of the training {champion.partition}"
    if seen := _trained_on(run, features, champion, known_by):
        ((held_out,),) = features.filter("split = 'test'").count("*").fetchall()
        raise BadInput(
            f"{seen:,} of {held_out:,} held-out rows are rows that {known_by} was trained on: on these it"
            " would look better than it is",
            where=run.store,
            details=[
                "so comes a training of days before the champion's, or a changed split; the champion stays"
            ],
            fix=(
                f"train a later partition, or let the champion go: python -m pipelines models retire {name}"
                " --reason ..."
            ),
        )


def unseen(run: Run, features: duckdb.DuckDBPyRelation, champion: Champion) -> duckdb.DuckDBPyRelation:
    """A training's features without the held-out rows that a champion has learned from, as it serves.

    Of a version that keeps a model, these are the rows of its curve and threshold, and those of the model
    itself, the held-out ones of its training among them where it was fitted on all.

    Args:
        run: The training.
        features: Its features table.
        champion: Who is to be compared on its held-out rows.

    Raises:
        BadInput: it has learned from all of them, or nobody knows any more from which.
    """
    key, left = sql.name(run.use_case.key), features
    known_by = f"champion version {champion.version} of the training {champion.partition}"
    for version, splits in _lineage(run, champion):
        with _rows(run, version, known_by) as known:
            learned = known.filter(f"split IN ({', '.join(map(sql.text, splits))})")
            # as texts: a key that was a number then, and is a text now, is still the same key
            keys = learned.project(f'CAST({key} AS VARCHAR) AS ":learned"').distinct().to_arrow_table()
        same = f"split = 'test' AND CAST({key} AS VARCHAR) = \":learned\""
        left = left.join(run.store.connection.from_arrow(keys), same, how="anti")
    ((before,), (after,)) = (
        rows.filter("split = 'test'").count("*").fetchall()[0] for rows in (features, left)
    )
    if before and not after:
        raise BadInput(
            f"all {before:,} held-out rows are rows that {known_by} has learned from: none is left to judge",
            where=run.store,
            fix=(
                "train a later partition, or let the champion go: python -m pipelines models retire"
                f" {run.use_case.name} --reason ..."
            ),
        )
    return left


def _lineage(run: Run, champion: Champion) -> Iterator[tuple[Champion, tuple[str, ...]]]:
    """A version, the one whose model it keeps, and so on: each with the splits of its training's rows that it
    has learned from.
    """
    while kept := champion.metadata.get(KEPT):
        yield champion, ("train",)
        champion = registry.champion(replace(run, model_version=kept))
    yield champion, ("train", "test") if refit.ROWS in champion.metadata else ("train",)


def _trained_on(run: Run, features: duckdb.DuckDBPyRelation, champion: Champion, known_by: str) -> int:
    """On how many of a training's held-out rows the champion was trained."""
    with _rows(run, champion, known_by) as known:
        return count(features, known, run.use_case.key)


@contextmanager
def _rows(run: Run, champion: Champion, known_by: str) -> Iterator[duckdb.DuckDBPyRelation]:
    """The rows of a version's training, with split, and key as the run calls it."""
    name = run.use_case.name
    theirs = definitions.file_of(run.settings, name, champion.version).use_case
    try:
        with snapshot.rows(run, champion.metadata["data_version"]) as known:
            yield renamed(known, theirs, run.use_case)
    except OtherKey as error:
        raise BadInput(
            f"{known_by} cannot be compared, since it cannot be told on which of these rows it was"
            f" trained: {error.sentence}",
            where=run.store,
            fix=(
                f"name rows as before; or let the champion go: python -m pipelines models retire {name}"
                " --reason ..."
            ),
        ) from error
    except BadInput as error:
        raise BadInput(
            f"{known_by} cannot be compared, since it cannot be told on which rows it was trained:"
            f" {error.sentence}",
            where=run.store,
            fix=(
                f"bring DVC's remote back; or let the champion go: python -m pipelines models retire {name}"
                " --reason ..."
            ),
        ) from error


def renamed(known: duckdb.DuckDBPyRelation, theirs: UseCase, ours: UseCase) -> duckdb.DuckDBPyRelation:
    """A training's rows with their key as another file calls it, which may have renamed it since.

    Args:
        known: With its columns `split` and key.
        theirs: The file that they were made by.
        ours: The other one.

    Raises:
        OtherKey: it names rows by another column of the source.
    """
    was, is_ = meaning.place(theirs.key, theirs), meaning.place(ours.key, ours)
    if was != is_:
        raise OtherKey(
            f"its rows were named by the source's column {was!r}, and these are by {is_!r}",
            fix="name rows as before",
        )
    return known.project(f"{sql.name(theirs.key)} AS {sql.name(ours.key)}, split")


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
        raise BadInput(f"its training rows have no column {key!r}", fix="train again")
    held_out, trained = features.filter("split = 'test'"), known.filter("split = 'train'")
    # As texts: a key that was a number then, and is a text now, is still the same key.
    same = f"CAST(held_out.{sql.name(key)} AS VARCHAR) = CAST(trained.{sql.name(key)} AS VARCHAR)"
    both = held_out.set_alias("held_out").join(trained.set_alias("trained"), same, how="semi")
    ((found,),) = both.count("*").fetchall()
    return int(found)
