"""Whether what features join of other sources fits these, and the use case's own rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipelines.core.config.base import duration_text
from pipelines.core.config.features import Join, Window

if TYPE_CHECKING:
    from pipelines.core.config.other_source import OtherSource
    from pipelines.core.config.use_case import UseCase


def joined_mistakes(use_case: UseCase) -> Iterator[str]:
    """A sentence for each window and join that names what there is not, or that cannot hold what it asks."""
    features = use_case.features
    for name, window in features.windows.items():
        if window.source is not None:
            yield from _mistakes(f"features.windows.{name}", window.source, window, use_case)
    for name, join in features.joins.items():
        yield from _mistakes(f"features.joins.{name}", join.source, join, use_case)
        if name in use_case.columns:
            yield f"features.joins.{name}: is the name of a column, too; give the join another one"
    every: list[Window | Join] = [*features.windows.values(), *features.joins.values()]
    if "sources" in use_case.gates:
        yield "gates.sources: each source has gates of its own; state them under sources.<name>.gates"
    used = {one.source for one in every}
    for name in use_case.sources:
        if name not in used:
            yield f"sources.{name}: no window and no join of features reads it; leave it out, or join it"


def _mistakes(where: str, name: str, one: Window | Join, use_case: UseCase) -> Iterator[str]:
    source = use_case.sources.get(name)
    if source is None:
        there = ", ".join(use_case.sources) or "none"
        yield f"{where}.source: no source {name!r}; there are {there}"
        return
    for column in one.by:
        yield from (f"{where}.by: {sentence}" for sentence in _by_mistakes(column, name, source, use_case))
    if isinstance(one, Window):
        yield from _window_mistakes(where, name, source, one)
    else:
        yield from _join_mistakes(where, name, source, one)


def _by_mistakes(column: str, name: str, source: OtherSource, use_case: UseCase) -> Iterator[str]:
    ours, theirs = use_case.columns.get(column), source.columns.get(column)
    if ours is None or ours.role == "ignored":
        there = ", ".join(use_case.kept_columns)
        yield f"the use case's own rows have no column {column!r}; there are {there}"
    elif column in use_case.hidden_at_night or ours.role == "leak":
        yield f"{column!r} is not known at the moment of prediction, so nothing can be joined by it"
    if theirs is None or theirs.role == "ignored":
        yield (
            f"the rows of {name} have no column {column!r}; there are {', '.join(source.kept_columns)};"
            f" rename theirs under sources.{name}.cleanse.rename"
        )
    elif ours is not None and ours.type != theirs.type:
        yield (
            f"{column} is a {ours.type} here and a {theirs.type} in {name}: nothing would ever be the same;"
            " declare the same type"
        )


def _window_mistakes(where: str, name: str, source: OtherSource, window: Window) -> Iterator[str]:
    if not source.timed:
        yield f"{where}.source: the rows of {name} have no time, so no window holds any; join it"
    if window.until < source.delay:
        yield (
            f"{where}.until: rows of {name} are known {duration_text(source.delay)} after their time; write"
            f" until: {duration_text(source.delay)} or more"
        )


def _join_mistakes(where: str, name: str, source: OtherSource, join: Join) -> Iterator[str]:
    if source.source.has_days and join.within is None:
        yield (
            f"{where}.within: {name} has rows of each day; write how old a state may be, such as 30d: so many"
            " days are read"
        )
    if join.within is not None and not source.timed:
        yield f"{where}.within: the rows of {name} have no time and hold at any time; leave it out"
    if join.within is not None and join.within <= source.delay:
        yield (
            f"{where}.within: {duration_text(join.within)}, and a row of {name} is known only"
            f" {duration_text(source.delay)} after its time; write more than that"
        )
    if join.until is not None:
        column = source.columns.get(join.until)
        if column is None or column.type != "timestamp" or column.role == "ignored":
            yield (
                f"{where}.until: {join.until!r} is no column of type timestamp of {name}; there are"
                f" {', '.join(n for n, c in source.columns.items() if c.type == 'timestamp') or 'none'}"
            )
    if not source.timed and set(join.by) != {source.key}:
        yield (
            f"{where}.by: {name} is a look-up, in which {source.key} names a row; write by: [{source.key}]"
        )
