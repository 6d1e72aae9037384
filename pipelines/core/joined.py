"""What other sources tell of a row: their states and events, as far as they were known at its moment.

Each join gives rows a column of type STRUCT, under the join's name, and each use of a window over another
source's rows a column `#taken <n>`; the features' SQL is then that of rows which have these columns, see
`rewritten`.

A row of another source is known at its `available_at`, or `delay` after its time, and nothing that is known
later changes what was said of an earlier row: see `pipelines.core.states` for joins, and
`pipelines.core.events` for windows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from pipelines.core import events, other_rows, sql, states
from pipelines.core.windows import Clock

if TYPE_CHECKING:
    import duckdb

    from pipelines.core.config import UseCase

KINDS = ("numbers", "categories", "texts")


class Rewritten(NamedTuple):
    """A use case whose features read other sources by columns.

    Attributes:
        use_case: The same, with such features, and without joins and windows over other sources' rows.
        taken: The columns that stand for a use of a window.
    """

    use_case: UseCase
    taken: Mapping[str, sql.Taken]


def rewritten(use_case: UseCase) -> Rewritten:
    """Let features read columns instead of windows over other sources' rows.

    Raises:
        BadExpression: a feature's SQL cannot be read.
    """
    features = use_case.features
    reader = _Reader(use_case)
    kinds = {
        kind: {name: reader.without(text) for name, text in getattr(features, kind).items()} for kind in KINDS
    }
    changed = features.model_copy(update={**kinds, "windows": features.own_windows, "joins": {}})
    return Rewritten(use_case.model_copy(update={"features": changed}), reader.taken)


def without(expression: str, use_case: UseCase) -> tuple[str, Mapping[str, sql.Taken]]:
    """One expression in which columns stand for windows over other sources' rows, and what each stands for.

    Raises:
        BadExpression: it is no SQL expression.
    """
    reader = _Reader(use_case)
    return reader.without(expression), reader.taken


class _Reader:
    """Reads expressions, and gives each use of a window over another source's rows a column."""

    def __init__(self, use_case: UseCase) -> None:
        self._frames = Clock().frames(use_case)
        self._others = use_case.features.windows.keys() - use_case.features.own_windows.keys()
        self.taken: dict[str, sql.Taken] = {}

    def without(self, text: str) -> str:
        if not self._others:
            return text
        return sql.without(text, self._frames, self._others, self._called)

    def _called(self, one: sql.Taken) -> str:
        names = {taken: name for name, taken in self.taken.items()}
        name = names.get(one, f"#taken {len(self.taken)}")
        self.taken[name] = one
        return name


def types(use_case: UseCase) -> dict[str, str]:
    """The columns that joins give to rows, and their types."""
    found = {}
    for name, join in use_case.features.joins.items():
        fields = other_rows.columns(use_case.sources[join.source])
        found[name] = f"STRUCT({', '.join(f'{sql.name(one)} {type_}' for one, type_ in fields.items())})"
    return found


def type_of(taken: sql.Taken, use_case: UseCase) -> str:
    """The type of a use of a window.

    Raises:
        BadExpression: it cannot be computed of the source's columns.
    """
    source = use_case.others[str(use_case.features.windows[taken.window].source)]
    return sql.bind(taken.over(sql.name(source.time)), sql.row_of_nulls(other_rows.columns(source)))


def with_joined(
    rows: duckdb.DuckDBPyRelation,
    others: Mapping[str, duckdb.DuckDBPyRelation],
    use_case: UseCase,
    taken: Mapping[str, sql.Taken],
) -> duckdb.DuckDBPyRelation:
    """Rows with what other sources tell of them.

    Args:
        rows: Clean rows and their past, told apart by `#past`; of these nothing is told.
        others: The cleansed rows of each other source, by its name.
        use_case: The use case as its file states it.
        taken: See `Rewritten`.

    Returns:
        The same rows, in any order, with a column for each join and each use of a window.
    """
    if not use_case.features.joins and not taken:
        return rows
    key = sql.name(use_case.key)
    tables = [
        (name, states.joined(rows, others[join.source], name, _read(name, use_case), use_case))
        for name, join in use_case.features.joins.items()
    ]
    for asked in events.asked(use_case, taken):
        tables += events.told(rows, others[asked.name], asked, use_case).items()
    joins = " ".join(
        f'LEFT JOIN {table} ON NOT rows."#past" AND rows.{key} = {table}.{key}'
        for table in dict.fromkeys(table for _, table in tables)
    )
    told = ", ".join(f"{table}.{sql.name(name)}" for name, table in tables)
    return sql.select(rows, "rows", f"SELECT rows.*, {told} FROM rows {joins}")


def _read(join: str, use_case: UseCase) -> list[str]:
    """The columns of a join that features read, or any, so that there is a state."""
    there = list(other_rows.columns(use_case.others[use_case.features.joins[join].source]))
    frames = Clock().frames(use_case)
    texts = [text for kind in KINDS for text in getattr(use_case.features, kind).values()]
    read = {column for text in texts for column in sql.parse(text, frames).every_column}
    return [column for column in there if f"{join}.{column}".lower() in read] or there[:1]


# --- checks


def known_columns(use_case: UseCase) -> list[str]:
    """The columns of joins as features write them: `<join>.<column>`."""
    return [
        f"{name}.{column}"
        for name, join in use_case.features.joins.items()
        for column in other_rows.columns(use_case.sources[join.source])
    ]


def mistakes(aggregate: sql.Aggregate, use_case: UseCase) -> list[str]:
    """What is wrong with a use of a window over another source's rows, but for its types."""
    from pipelines.core.errors import did_you_mean

    name = str(use_case.features.windows[aggregate.window].source)
    there = other_rows.columns(use_case.sources[name])
    found = [
        f"{column!r} over {aggregate.window}: the rows of {name} have no such column;"
        f" {did_you_mean(column, there)}"
        for column in sorted(aggregate.columns)
        if column not in there
    ]
    if aggregate.function == "nth_value":
        found.append(
            f"nth_value() over {aggregate.window}: not of another source's rows; use first_value, last_value"
            " or an aggregate"
        )
    if aggregate.ordered:
        found.append(
            f"{aggregate.function}(... order by ...) over {aggregate.window}: rows of {name} are in order of"
            " time and key; leave the order by out"
        )
    return found
