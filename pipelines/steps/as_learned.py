"""A champion beside its challenger, each on features that mean what it has learned.

A training by a file whose features mean something else has no rows that the champion could score: on them it
would look worse than it is, and anything would be promoted over it. So the same rows of the source are made
into features once more, by the champion's own definitions.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.composition import by_version
from pipelines.core import dates, sql
from pipelines.core.errors import BadInput, SluiceError

if TYPE_CHECKING:
    import duckdb

    from pipelines.core.config import UseCase
    from pipelines.registry.registry import Champion
    from pipelines.run.run import Run

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rivals:
    """Who is compared with a training's candidates, and on which rows.

    Attributes:
        champion: The champion, where there is one, as it was judged: not the later fit on all labelled rows.
        learned: The same rows as it has learned to see them, see `rows`.
        features: The training's rows, without the held-out ones on which nobody is judged, see `common`.
    """

    champion: Champion | None
    learned: duckdb.DuckDBPyRelation | None
    features: duckdb.DuckDBPyRelation


def rivals(run: Run, features: duckdb.DuckDBPyRelation) -> Rivals:
    """Find out whom a training's candidates have to beat.

    Args:
        run: A training with published features.
        features: These.

    Raises:
        BadInput: the champion has seen some of the held-out rows, or cannot be compared on them; see `rows`.
    """
    from pipelines.registry import holdout_overlap, registry
    from pipelines.registry.snapshot import KEPT

    serving = registry.champion_or_none(run)
    if serving is None:
        return Rivals(None, None, features)
    if run.use_case.candidates.keep or KEPT in serving.metadata:
        # a model that is kept is the one that serves, which has learned from its own held-out rows, too
        champion, features = serving, holdout_overlap.unseen(run, features, serving)
    else:
        # Like with like: neither of the two has learned from its held-out rows yet.
        champion = registry.as_judged(run, serving)
        holdout_overlap.require(run, features, champion)
    learned = rows(run, champion)
    both = common(features, learned, run.use_case.key) if learned else features
    return Rivals(champion, learned, both)


def rows(run: Run, champion: Champion) -> duckdb.DuckDBPyRelation | None:
    """The training's rows as the champion has learned to see them.

    None where the training's own features mean that.

    Args:
        run: A training with published features.
        champion: Who is to be compared.

    Returns:
        The key and the champion's features, of each row that its own definitions let in.

    Raises:
        BadInput: no such rows can be made of what the source gives now.
        TryAgain: the source or MLflow does not answer.
    """
    means = run.store.manifest("features").meaning
    if champion.meanings and all(means.get(name) == learned for name, learned in champion.meanings.items()):
        return None
    from pipelines.steps import ingest
    from pipelines.steps.cleanse import cleanse
    from pipelines.steps.features import compute
    from pipelines.steps.past import compute as compute_past

    try:
        own = replace(run, loaded=by_version.for_version(run, champion.version))
        days = dates.days_of(run.use_case, run.kind, run.partition)
        # The days of this training, and so many before them as the champion's windows look back.
        back = len(dates.past_of(own.use_case, run.kind, run.partition))
        past = run.calendar.span(run.calendar.step(days.first, -back), run.calendar.step(days.first, -1))
        clean, _, further = cleanse(ingest.rows(own, days), own.use_case, run.partition)
        fed = (
            compute_past(ingest.rows(own, past, may_be_empty=True), further, own.use_case).rows
            if back
            else None
        )
        rows = compute(clean, fed, own.use_case, others_of(own, days))
        return _with_key_name(rows, own.use_case, run.use_case.key)
    except BadInput as error:
        raise BadInput(
            f"champion version {champion.version} has learned other features, and cannot be compared by"
            f" its own definitions: {error.sentence}",
            where=run.store,
            fix=(
                "let the source deliver what it has learned; or, if that champion shall go: python -m"
                f" pipelines models retire {run.use_case.name} --reason ..., and the next training starts"
                " without one"
            ),
        ) from error


def others_of(run: Run, days: dates.Days) -> Mapping[str, duckdb.DuckDBPyRelation]:
    """The cleansed rows of each other source that rows of some days look at, read now.

    Raises:
        See `ingest.rows`.
    """
    from pipelines.core import other_rows
    from pipelines.steps import ingest

    found = {}
    for name, source in run.use_case.others.items():
        asked = other_rows.asked(run.use_case, name, days)
        rows = ingest.rows(run, asked, may_be_empty=True, other=name)
        found[name] = other_rows.cleanse(rows, source, f"{run.use_case.name}, sources.{name}").rows
    return found


def _with_key_name(rows: duckdb.DuckDBPyRelation, use_case: UseCase, key: str) -> duckdb.DuckDBPyRelation:
    """A file's features with their key as another file calls it."""
    columns = ", ".join(map(sql.name, use_case.features.names))
    return rows.project(f"{sql.name(use_case.key)} AS {sql.name(key)}, {columns}")


def common(
    features: duckdb.DuckDBPyRelation, learned: duckdb.DuckDBPyRelation, key: str
) -> duckdb.DuckDBPyRelation:
    """The training's features without the held-out rows that the champion's own definitions put aside:
    neither is judged on them.
    """
    name = sql.name(key)
    both = features.set_alias("features").join(
        learned.project(f"CAST({name} AS VARCHAR) AS known").set_alias("learned"),
        # as texts: a key may have been of another type then
        f"CAST(features.{name} AS VARCHAR) = learned.known",
        how="semi",
    )
    kept = features.filter("split <> 'test'").union(both.filter("split = 'test'"))
    (before,), (after,) = (
        rows.filter("split = 'test'").count("*").fetchall()[0] for rows in (features, kept)
    )
    if after < before:
        logger.info(
            "%s of %s held-out rows are judged by nobody: the champion's own rules put them aside",
            before - after,
            before,
        )
    return kept


def left_out(
    features: duckdb.DuckDBPyRelation, judged_rows: duckdb.DuckDBPyRelation, key: str
) -> duckdb.DuckDBPyRelation:
    """The keys of the held-out rows on which nobody is judged, see `common`."""
    return (
        features.filter("split = 'test'")
        .set_alias("features")
        .join(judged_rows.set_alias("judged"), _same(key), how="anti")
        .project(sql.name(key))
    )


def judged_rows(run: Run, features: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """A training's features without the held-out rows on which nobody was judged."""
    if not run.store.has("left_out"):  # of before there was such a table: all were judged
        return features
    left_out = run.store.read("left_out").set_alias("judged")
    return features.set_alias("features").join(left_out, _same(run.use_case.key), how="anti")


def _same(key: str) -> str:
    return f"features.{sql.name(key)} = judged.{sql.name(key)}"


def of_keys(learned: duckdb.DuckDBPyRelation, test: pa.Table, key: str) -> pa.Table:
    """The champion's rows of a table's keys, in the table's order.

    Keys are the same if they are the same text.

    Args:
        learned: As `rows` gives them.
        test: Held-out rows, each key once.
        key: The column that names a row.

    Raises:
        SluiceError: not every row came out once.
    """
    every = learned.to_arrow_table()
    theirs, ours = (table[key].cast(pa.string()).combine_chunks() for table in (every, test))
    there = pc.is_in(theirs, ours)
    found = pc.index_in(ours, theirs)
    if found.null_count or there.true_count != len(test):
        raise SluiceError(
            f"{len(test):,} held-out rows, of which {len(test) - found.null_count:,} came out by the"
            f" champion's definitions, as {there.true_count:,} rows: nothing is judged",
            fix=(
                f"give the key {key} the values that the champion has learned rows by, one a row; or retire"
                " the champion"
            ),
        )
    return every.take(found)
