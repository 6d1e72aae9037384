"""What is expected of the performance in a week's drift report: it is there where it ought to be, no worse
than the file allows, and not surely worse than on the held-out rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipelines.core.sql import text
from pipelines.gates.built_in.wording import both, is_, must, of_what_is_there, should, with_sentence
from pipelines.gates.gx.suite import Stated
from pipelines.monitoring import judged, labelled
from pipelines.run.run import Run


def performance(run: Run) -> Iterator[Stated]:
    """The primary metric has judged enough of the labels that are due, and is not surely too bad; where only
    its value is too bad, that is a warning.
    """
    name, greater = run.use_case.metric.name, run.use_case.greater_is_better
    primary = both(is_("kind", "performance"), is_("subject", name))
    why = f"the judged days' {name} stands in one row"
    yield must("column_values_to_not_be_null", column="due_rows", row_condition=primary, why=why)
    yield must("column_values_to_be_unique", column="subject", row_condition=primary, why=why)
    found = row_of(run, name)
    if found is None:
        return  # the first one fails
    if found["due_rows"]:
        yield with_sentence(
            must(
                "column_values_to_be_between",
                column="current_rows",
                min_value=labelled.enough(found),
                row_condition=primary,
            ),
            f"{labelled.too_few(found)}; so few do not tell how good the predictions were; let the source"
            " give labels, under the keys of the predictions",
        )
    if found["ought"]:
        yield with_sentence(
            must("column_values_to_not_be_null", column="value", row_condition=primary),
            f"{labelled.no_value(found)}; by now there ought to be a value: see whether the source's labels"
            " are right, and whether the nights are there",
        )
    yield from _limits(run, primary, found, greater)
    for sentence in judged.amber(found, greater):
        yield with_sentence(
            should("column_values_to_be_null", column="value", row_condition=primary), sentence
        )


def _limits(run: Run, primary: dict[str, Any], found: dict[str, Any], greater: bool) -> Iterator[Stated]:
    worst = run.use_case.monitoring.min_performance
    if worst is not None:
        end, limit = "high" if greater else "low", {"min_value" if greater else "max_value": worst}
        yield with_sentence(
            of_what_is_there(
                "column_values_to_be_between", column=end, row_condition=primary, why="", **limit
            ),
            judged.beyond(found, greater) or "",
        )
    if found["allowed_loss"] is not None:
        yield with_sentence(
            of_what_is_there(
                "column_values_to_be_between",
                column="least_loss",
                max_value=found["allowed_loss"],
                row_condition=primary,
            ),
            f"{judged.lost(found)}; see the drift report, mend the source, or train again",
        )


def row_of(run: Run, metric: str) -> dict[str, Any] | None:
    """The row of a metric over all judged days, if the table has it, and all that is asked of it."""
    needed = ("kind", "subject", *judged.ASKED)
    table = run.store.read("drift")
    if not set(needed) <= set(table.columns):
        return None
    rows = (
        table.filter(f"kind = 'performance' AND subject = {text(metric)}")
        .project(", ".join(judged.ASKED))
        .fetchall()
    )
    return dict(zip(judged.ASKED, rows[0], strict=True)) if len(rows) == 1 else None
