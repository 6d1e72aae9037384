"""Plain damages: rows of the right form that say something else than they did on earlier days.

No promise of the file is broken by them. They are stopped because they are unlike the nights (and the
training's days) that were let through. Where a night has too few rows, or days differ too much from one
another, to tell a damage from chance with one false alarm a year, that is measured and told: see
`pipelines.commands.selftest.limits`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from pipelines.commands.selftest.damage import Damage, behind
from pipelines.core import dates, sql

if TYPE_CHECKING:
    from pipelines.commands.selftest.stage import Stage
    from pipelines.run.run import Run

LOST = 0.1  # of the rows: so frequent a value is lost as a whole
MOST_LOST = 3  # values of a category, each for itself
WEEK = 7


def every(stage: Stage) -> Iterator[Damage]:
    """All that a use case's columns admit."""
    for name, column in stage.use_case.columns.items():
        if column.role != "feature":
            continue
        source, type_ = sql.name(stage.use_case.source_names[name]), sql.TYPES[column.type]
        for what, statement in {
            **_of_column(source, column.type),
            **_of_values(source, column.type, stage),
        }.items():
            cast = statement.replace("{as}", f"::{type_} AS {source}")
            yield Damage(
                f"{name}: {what}",
                "scoring",
                partial(_deliver, statement=cast),
                may_be_harmless=True,
                about=name,
            )
    yield from _of_rows(stage)
    yield from _of_predictions(stage)
    for name in _numbers(stage):
        source = sql.name(stage.use_case.source_names[name])
        do = partial(_every_second_day, source=source, type_=sql.TYPES[stage.use_case.columns[name].type])
        yield Damage(
            f"training delivered: {name} x2 every second day",
            "training",
            do,
            may_be_harmless=True,
            about=name,
        )


def _of_column(source: str, type_: str) -> dict[str, str]:
    """What becomes of the values of one column."""
    found = {"shuffled": _shuffle(source)}
    if type_ in ("string", "boolean"):
        found |= {"constant": f"SELECT * REPLACE ((mode({source}) OVER ()){{as}}) FROM rows"}
    if type_ in ("date", "timestamp"):
        found |= {"a year earlier": f"SELECT * REPLACE (({source} - INTERVAL 1 YEAR){{as}}) FROM rows"}
    found |= {"emptied": "SELECT * REPLACE ((NULL){as}) FROM rows"}
    if type_ in ("integer", "number"):
        middle = f"quantile_disc({source}, 0.5) OVER ()"
        found |= {
            "all are its median": f"SELECT * REPLACE (({middle}){{as}}) FROM rows",
            "x0.3": f"SELECT * REPLACE (({source} * 0.3){{as}}) FROM rows",
            "x2": f"SELECT * REPLACE (({source} * 2){{as}}) FROM rows",
            "x1000": f"SELECT * REPLACE (({source} * 1000){{as}}) FROM rows",
            "rounded to its range's ends": (
                f"SELECT * REPLACE ((if({source} > {middle}, max({source}) OVER (), min({source}) OVER"
                " ())){as}) FROM rows"
            ),
        }
    return found


def _of_values(source: str, type_: str, stage: Stage) -> dict[str, str]:
    """The loss of each common value of a category."""
    if type_ != "string":
        return {}
    rows = stage.run_.store.connection.read_parquet(str(stage.folder / "source" / f"{stage.night}.parquet"))
    counts = (
        f"SELECT {source} AS value, count(*) / sum(count(*)) OVER () AS share FROM rows WHERE {source} IS NOT"
        " NULL GROUP BY 1"
    )
    common = sql.select(
        rows,
        "rows",
        f"SELECT value FROM ({counts}) WHERE share BETWEEN {LOST} AND 0.49 ORDER BY share DESC LIMIT"
        f" {MOST_LOST}",
    ).fetchall()
    return {
        f"all rows with {value!r} are lost": (
            f"SELECT * FROM rows WHERE {source} IS DISTINCT FROM {sql.text(value)}"
        )
        for (value,) in common
    }


def _shuffle(source: str) -> str:
    """SQL: the values of a column, dealt to other rows of the day."""
    return (
        "SELECT one.* REPLACE (other.value{as}) FROM (SELECT *, row_number() OVER (ORDER BY"
        f" hash({source}::VARCHAR || '-' || rowid_)) AS n_ FROM (SELECT *, row_number() OVER () AS rowid_"
        f" FROM rows)) AS one JOIN (SELECT {source} AS value, row_number() OVER (ORDER BY hash(rowid_)) AS n_"
        " FROM (SELECT *, row_number() OVER () AS rowid_ FROM rows)) AS other USING (n_)"
    ).replace("one.*", "one.* EXCLUDE (n_, rowid_)")


def _of_rows(stage: Stage) -> Iterator[Damage]:
    use_case = stage.use_case
    key, time = (sql.name(use_case.source_names[name]) for name in (use_case.key, use_case.time))
    new = f"{key} || '-again'" if use_case.columns[use_case.key].type == "string" else f"{key} + 1000000000"
    # microseconds; what is moved past midnight comes at the day's begin
    day, hours = (86_400_000_000, 6 * 3_600_000_000)
    inside = f"make_timestamp((epoch_us({time}) // {day}) * {day} + (epoch_us({time}) + {hours}) % {day})"
    moved = {
        "times moved by 6 h": (f"SELECT * REPLACE ({inside} AS {time}) FROM rows", 0),
        "40 % doubled with new ids": (
            f"FROM rows UNION ALL SELECT * REPLACE ({new} AS {key}) FROM rows WHERE hash({key}) % 10 < 4",
            0,
        ),
    }
    for back, name in ((1, "yesterday's"), (WEEK, "last week's")):
        dated = f"{time} + INTERVAL {back} DAY"
        moved[f"{name} rows under a new date"] = (f"SELECT * REPLACE ({dated} AS {time}) FROM rows", back)
        moved[f"{name} rows under a new date and new ids"] = (
            f"SELECT * REPLACE ({dated} AS {time}, {new} AS {key}) FROM rows",
            back,
        )
        if numbers := _numbers(stage):
            nudged = sql.name(use_case.source_names[numbers[0]])
            as_ = f"({nudged} + 1)::{sql.TYPES[use_case.columns[numbers[0]].type]} AS {nudged}"
            statement = f"SELECT * REPLACE ({dated} AS {time}, {new} AS {key}, {as_}) FROM rows"
            moved[f"{name} rows under a new date, new ids, and {numbers[0]} + 1"] = (statement, back)
    for what, (statement, back) in moved.items():
        yield Damage(
            f"delivered: {what}",
            "scoring",
            partial(_deliver, statement=statement, back=back),
            about=use_case.time if not back else "",
        )


def _of_predictions(stage: Stage) -> Iterator[Damage]:
    """What a model says that has gone astray: right in form, and unlike what it said of earlier nights."""
    told = {
        "all are the median": "quantile_disc(score, 0.5) OVER () + score * 1e-9",
        "squeezed together": "0.9 * avg(score) OVER () + 0.1 * score",
    }
    for what, score in told.items():
        statement = f"SELECT * REPLACE (CAST({score} AS DOUBLE) AS score) FROM rows"
        yield replace(behind("publish", "predictions", f"scores, {what}", statement), about="score")
    if stage.use_case.task.decides:
        every = stage.run("scoring").store.read("predictions")
        numbers = "count(*) FILTER (decision = 1), count(*), min(score) FILTER (decision = 1) > min(score)"
        ((alarms, rows, apart),) = every.aggregate(numbers).fetchall()
        for what, decision in {"no alarm is raised": 0, "every row is an alarm": 1}.items():
            if alarms != decision * rows:  # a night that has none by itself is not damaged by it
                yield behind(
                    "publish",
                    "predictions",
                    what,
                    f"SELECT * REPLACE ({decision}::TINYINT AS decision) FROM rows",
                )
        if apart:
            for what, decides in other_alarms(stage.use_case.key).items():
                yield behind(
                    "publish",
                    "predictions",
                    what,
                    f"SELECT * REPLACE (({decides})::TINYINT AS decision) FROM rows",
                )


def other_alarms(key: str) -> dict[str, str]:
    """SQL of a night's decisions that are nearly the right ones, where some rows are alarms and others are
    not.
    """
    place = f"row_number() OVER (ORDER BY decision DESC, score DESC, {sql.name(key)})"
    return {
        "an alarm too many": f"{place} <= 1 + sum(decision) OVER ()",
        "an alarm too few": f"{place} < sum(decision) OVER ()",
        "another row is the alarm in place of the greatest score": (
            f"{place} BETWEEN 2 AND sum(decision) OVER () OR {place} = count(*) OVER ()"
        ),
    }


def _deliver(stage: Stage, statement: str, back: int = 0) -> Run:
    stage.deliver(stage.night, statement, of=stage.night - timedelta(days=back))
    return stage.run("scoring")


def _every_second_day(stage: Stage, source: str, type_: str) -> Run:
    for number, day in enumerate(dates.days_of(stage.use_case, "training", stage.training)):
        if number % 2:
            stage.deliver(day, f"SELECT * REPLACE (CAST({source} * 2 AS {type_}) AS {source}) FROM rows")
    return stage.run("training")


def _numbers(stage: Stage) -> list[str]:
    return [
        name
        for name, column in stage.use_case.columns.items()
        if column.role == "feature" and column.type in ("integer", "number")
    ]
