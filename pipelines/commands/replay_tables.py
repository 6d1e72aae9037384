"""A night's tables, as they may become by a replay: made beside the night's own, see `replay`."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from pipelines.core import dates, sql
from pipelines.core.errors import BadInput, TableMissing
from pipelines.run.run import Run

if TYPE_CHECKING:
    import duckdb

ASIDE = "replay"  # the folder beside the night's tables
MOST = 10  # columns that are named
_ROW = '"#row"'  # a row's number in its table


def both(run: Run) -> tuple[Run, Run]:
    """The night as it is, and as it may become.

    A task of its own for each table, so that its manifest names its own inputs only.
    """
    now = run.task()
    return now, replace(now, store=now.store.beside(ASIDE))


def write_rows(run: Run) -> tuple[int, int]:
    """Source -> raw, clean and quarantine; return how many rows joined clean, and how many were judged."""
    from pipelines.steps import ingest
    from pipelines.steps.cleanse import cleanse, with_key

    now, aside = both(run)
    use_case, source_names = run.use_case, run.use_case.source_names
    order = [source_names[use_case.time], source_names[use_case.key]]
    raw, clean, quarantine = (now.store.read(table) for table in ("raw", "clean", "quarantine"))
    source = ingest.rows(now, dates.days_of(use_case, run.kind, run.partition), labels=False)
    delivered = _with_numbers(with_key(source, use_case))
    # None of these keys is in clean, so all their rows are in quarantine. (A key that is null equals none.)
    _with(_without(quarantine, "key", clean, use_case.key), "key", delivered, "#key").project(
        "key"
    ).distinct().create("keys")
    keys = now.store.connection.table("keys")
    kept, kept_aside = (
        _without(_with_numbers(with_key(raw, use_case)), "#key", keys, "key"),
        _without(quarantine, "key", keys, "key"),
    )
    if _count(raw) - _count(kept) != _count(quarantine) - _count(kept_aside):
        raise BadInput(
            f"{use_case.key} is not repaired as it was: its rows are not found again by it",
            where=run.store,
            fix=run.again,
        )
    mended = _with(delivered, "#key", keys, "key")
    aside.store.write(
        "raw", _join_raw(run, kept.project('* EXCLUDE "#key"'), mended.project('* EXCLUDE "#key"'), order)
    )
    judged = _with(_with_numbers(with_key(aside.store.read("raw"), use_case)), "#key", keys, "key").project(
        '* EXCLUDE "#key"'
    )
    # In a table of its own, in raw's order, which says what was delivered first: a join keeps no order.
    judged.order(_ROW).project(f"* EXCLUDE {_ROW}").create("judged again")
    good, bad, _ = cleanse(now.store.connection.table("judged again"), use_case, run.partition)
    aside.store.write("quarantine", _join(run, kept_aside, bad, ["key", "row"]))
    aside.store.write("clean", _join(run, clean, good, [use_case.time, use_case.key]))
    return _count(good), _count(judged)


def write_past(run: Run) -> None:
    """Past_raw -> past and days, by the rules as they are now: what joins gets the very features that running
    the night again would give it.
    """
    from pipelines.steps import past

    now, aside = both(run)
    use_case, past_raw = run.use_case, now.store.read("past_raw")
    every = dates.past_of(use_case, run.kind, run.partition), dates.days_of(use_case, run.kind, run.partition)
    fed = past.compute(past_raw, None, use_case)
    aside.store.write("past", fed.rows)
    clean = aside.store.read("clean")
    aside.store.write(
        "days", past.days(aside.store.read("past"), clean, past_raw, fed.aside, use_case, every)
    )


def write_features(run: Run) -> None:
    """Clean -> features: of the rows that joined, which look back at the past and at the night's other
    rows.
    """
    from pipelines.run import others
    from pipelines.steps.features import compute

    now, aside = both(run)
    use_case = run.use_case
    known, clean = now.store.read("features"), aside.store.read("clean")
    seen = _with(clean, use_case.key, known, use_case.key)
    if use_case.features.history:
        seen = seen.union(aside.store.read("past"))
    joining = _without(clean, use_case.key, known, use_case.key)
    computed = compute(joining, seen, use_case, others.published(now))
    # What the night's own features mean, those of the rows that joined do, too: only which rows are let in
    # may differ.
    told = now.store.manifest("features").meaning
    aside.store.write("features", _join(run, known, computed, [use_case.time, use_case.key]), meaning=told)


def write_predictions(run: Run) -> str:
    """Features -> predictions: of the rows that joined, by the version that scored the night, which is
    returned.
    """
    from pipelines.registry import registry
    from pipelines.steps import publish
    from pipelines.steps.score import SCORED_BY, every_night, predict

    now, aside = both(run)
    use_case = run.use_case
    known, features = now.store.read("predictions"), aside.store.read("features")
    # its gate saw to it that there is one
    ((version,),) = known.project("model_version").distinct().fetchall()
    model = registry.champion(replace(run, model_version=version))
    # Held in memory: the connection answers nothing else while predictions stream.
    joining = _without(features, use_case.key, known, use_case.key).to_arrow_table()
    scored = predict(joining.to_reader(), joining.num_rows, model, aside).read_all()
    with suppress(TableMissing):  # a night of before has not told it
        aside.store.write_file(SCORED_BY, now.store.citing_nothing().read_file(SCORED_BY))
    together = _join(run, known, now.store.connection.from_arrow(scored), [use_case.time, use_case.key])
    alarms = every_night(aside)
    if alarms is not None:  # who joined may take an alarm's place
        together = publish.greatest_of_the_night(together, alarms, use_case.key)
    aside.store.write("predictions", together)
    return str(version)


def _join(
    run: Run, old: duckdb.DuckDBPyRelation, new: duckdb.DuckDBPyRelation, order: list[str]
) -> duckdb.DuckDBPyRelation:
    """Two tables as one, in the order of some columns; rows that agree in them in the order of all others."""
    columns, others = (dict(zip(table.columns, map(str, table.types), strict=True)) for table in (old, new))
    if changed := sorted({name for name, _ in columns.items() ^ others.items()}):
        raise BadInput(
            f"other columns, or of other types, than the night was run with: {', '.join(changed[:MOST])}",
            where=run.store,
            fix=run.again,
        )
    every = map(sql.name, dict.fromkeys([*order, *columns]))
    return old.union(new.project(", ".join(map(sql.name, columns)))).order(", ".join(every))


def _join_raw(
    run: Run, old: duckdb.DuckDBPyRelation, new: duckdb.DuckDBPyRelation, order: list[str]
) -> duckdb.DuckDBPyRelation:
    """Two raw tables, their rows numbered, as one: rows that agree in the columns of the order stay in that
    of their delivery.
    """
    both = _join(run, old.project('*, 0 AS "#new"'), new.project('*, 1 AS "#new"'), [*order, "#new", "#row"])
    return both.project(f'* EXCLUDE ({_ROW}, "#new")')


def _with_numbers(rows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Rows with their number in their table's order."""
    return rows.project(f"*, row_number() OVER () AS {_ROW}")


def _with(
    rows: duckdb.DuckDBPyRelation, key: str, others: duckdb.DuckDBPyRelation, their_key: str
) -> duckdb.DuckDBPyRelation:
    """The rows whose key, as text, one of the others has."""
    return rows.set_alias("rows").join(others.set_alias("others"), _equal(key, their_key), how="semi")


def _without(
    rows: duckdb.DuckDBPyRelation, key: str, others: duckdb.DuckDBPyRelation, their_key: str
) -> duckdb.DuckDBPyRelation:
    """The rows whose key, as text, none of the others has; a row without a key among them."""
    return rows.set_alias("rows").join(others.set_alias("others"), _equal(key, their_key), how="anti")


def _equal(key: str, their_key: str) -> str:
    return f"CAST(rows.{sql.name(key)} AS VARCHAR) = CAST(others.{sql.name(their_key)} AS VARCHAR)"


def _count(rows: duckdb.DuckDBPyRelation) -> int:
    return int(rows.count("*").fetchall()[0][0])
