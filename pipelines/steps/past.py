"""Past: the rows that windows see beside clean's, and what each day of both holds, by which its gate judges
them.

Windows look back at days that had nights of their own: they must see what those let through. So each day is
told in a row of the table `days`, in numbers that do not depend on the order of rows or on threads: how many
rows, how many put aside, and a hash of what stands in them. By the hash, the gate knows a day again that this
or another run has let through.

The table `days` has a row a day, whether or not there are any rows of it:

- `day`; `own` (of the partition, as against those before it);
- `delivered`, `aside`, `rejected` (raw rows, those of them that do not feed windows, and those of these that
  count as rejected; null for own days, which gate_clean judges);
- `rows`; `again` (rows with a key that an earlier day has, too);
- `content` (a hash, without order, of all columns but the label and late ones, and of what they mean: the
  same whatever a file calls them);
- `pattern` (of all these but key and date: a day under another date has the same; null where too few rows
  differ);
- `labelled`, `labels`, `positives` (how many labels are known, a hash of them, and, of a binary task's, how
  many are positive);
- `late` (JSON: of each late column, by what it means, how many values are known, and a hash of them);
- `meaning` (by which rules rows are let in: `meaning.of_admission`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.core import dates, meaning, sql
from pipelines.core.calendar import literal
from pipelines.steps.cleanse import Fed, feeding

if TYPE_CHECKING:
    import duckdb

    from pipelines.core.config import UseCase

FEW = 20  # rows of a day: so few may be those of another day by chance


def compute(
    past_raw: duckdb.DuckDBPyRelation, further: duckdb.DuckDBPyRelation | None, use_case: UseCase
) -> Fed:
    """Cleanse the rows before the partition's own.

    Args:
        past_raw: as `ingest` writes it.
        further: a training's `Cleansed.further`; None at night.
        use_case: its schema and `cleanse`.

    Returns:
        rows: Like clean: those of earlier days that feed windows, and the partition's own that do, though
            clean has no place for them.
        aside: Of the earlier days' other rows, see `Fed`.

    Raises:
        BadUseCase, SluiceError: see `cleanse`.
    """
    fed = feeding(past_raw, use_case)
    if further is None:
        return fed
    order = f"{sql.name(use_case.time)}, {sql.name(use_case.key)}"
    return Fed(fed.rows.union(further).order(order), fed.aside)


def days(
    past: duckdb.DuckDBPyRelation,
    clean: duckdb.DuckDBPyRelation,
    past_raw: duckdb.DuckDBPyRelation,
    aside: duckdb.DuckDBPyRelation,
    use_case: UseCase,
    every: tuple[dates.Days, dates.Days],
) -> duckdb.DuckDBPyRelation:
    """The table `days`: each day that windows see, see above.

    Args:
        past: `compute`'s rows.
        clean: the partition's own.
        past_raw: as `ingest` writes it.
        aside: `compute`'s.
        use_case: its schema, `cleanse` and label.
        every: the days before the partition's own, and its own.
    """
    calendar = use_case.calendar
    day = calendar.of_sql(sql.name(use_case.source_names[use_case.time]))
    given = past_raw.project(f'{day} AS "day", true AS "given", NULL AS "rejected"')
    raws = sql.view(given.union(aside.project('"day", false AS "given", "rejected"')))
    (before, own), key = every, sql.name(use_case.key)
    seen = ", ".join(map(literal, calendar.span(before.first, own.last)))
    counts = [f'CAST(coalesce("{name}", 0) AS BIGINT) AS "{name}"' for name in ("rows", "again", "labelled")]
    counts += [
        f'if("own", NULL, CAST(coalesce("{name}", 0) AS BIGINT)) AS "{name}"'
        for name in ("delivered", "aside", "rejected")
    ]
    statement = f"""
        WITH every AS (
            SELECT unnest([{seen}]) AS "day"
        ),
        seen AS ({_with_likeness(sql.view(past.union(clean)), use_case)}),
        found AS ({_contents(use_case)}),
        twice AS (SELECT {key}, min("#day") AS "first" FROM seen GROUP BY {key} HAVING count(*) > 1),
        again AS (SELECT "#day" AS "day", count(*) AS "again"
            FROM seen JOIN twice USING ({key}) WHERE "#day" > "first" GROUP BY "#day"),
        raws AS (
            SELECT "day", count_if("given") AS "delivered", count_if(NOT "given") AS "aside",
                count_if("rejected") AS "rejected"
            FROM {raws} GROUP BY "day"
        )
        SELECT "day", "day" >= {literal(own.first)} AS "own", {", ".join(counts)},
            CAST("content" AS VARCHAR) AS "content", CAST("pattern" AS VARCHAR) AS "pattern",
            CAST("labels" AS VARCHAR) AS "labels", CAST("positives" AS BIGINT) AS "positives",
            coalesce("late", '{{}}') AS "late", '{meaning.of_admission(use_case)}' AS "meaning"
        FROM every LEFT JOIN found USING ("day")
            LEFT JOIN again USING ("day") LEFT JOIN raws USING ("day") ORDER BY "day" """
    return sql.select(past, "past", statement)


def _means(use_case: UseCase) -> list[tuple[str, str]]:
    """What each column means, and its name.

    In order of what they mean, which is hashed, too: what the file calls them, and where it has them, is no
    matter.
    """
    return sorted(
        (fingerprint, column)
        for column, fingerprint in meaning.columns(use_case).items()
        if column in use_case.kept_columns
    )


def _known_at_night(use_case: UseCase) -> list[tuple[str, str]]:
    """The same of the columns that are known on the row's own night."""
    return [(found, column) for found, column in _means(use_case) if column not in use_case.hidden_at_night]


def _with_likeness(rows: str, use_case: UseCase) -> str:
    """SQL of all rows with `#day`, and with `#alike`: what makes them alike under another date."""
    time, key = sql.name(use_case.time), sql.name(use_case.key)
    told = [sql.name(column) for _, column in _known_at_night(use_case)]
    alike = ", ".join([f"CAST({time} AS TIME)", *(column for column in told if column not in (time, key))])
    return f'SELECT *, {use_case.calendar.of_sql(time)} AS "#day", hash({alike}) AS "#alike" FROM {rows}'


def _contents(use_case: UseCase) -> str:
    """SQL of what stands in each day's rows."""
    time, key, label = map(sql.name, (use_case.time, use_case.key, use_case.target))
    means, told = _means(use_case), _known_at_night(use_case)
    of_label = sql.text("".join(found for found, column in means if column == use_case.target))
    of_others = sql.text("".join(found for found, _ in told))
    values = ", ".join(sql.name(column) for _, column in told)
    late = ", ".join(_late(found, column, use_case) for found, column in means if column in use_case.late)
    positive = f"count_if({label} = 1)" if use_case.task.classes else "CAST(NULL AS BIGINT)"
    return f"""
        SELECT "#day" AS "day", count(*) AS "rows",
            sum(hash({of_others}, {values})) AS "content",
            if(count(*) >= {FEW} AND 2 * approx_count_distinct("#alike") >= count(*),
                sum("#alike"), NULL) AS "pattern",
            count({label}) AS "labelled",
            sum(hash({of_label}, {key}, {time}, {label})) FILTER ({label} IS NOT NULL) AS "labels",
            {positive} AS "positives",
            CAST(json_object({late}) AS VARCHAR) AS "late"
        FROM seen GROUP BY ALL"""


def _late(means: str, column: str, use_case: UseCase) -> str:
    """SQL of what a day knows of a late column, as part of a JSON object: what it means, how many values
    there are, and a hash of them.
    """
    key, time, value = map(sql.name, (use_case.key, use_case.time, column))
    known = f"sum(hash({sql.text(means)}, {key}, {time}, {value})) FILTER ({value} IS NOT NULL)"
    return f"{sql.text(means)}, json_array(count({value}), CAST({known} AS VARCHAR))"
