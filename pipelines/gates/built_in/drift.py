"""What is expected of a week's drift report: few features drift, the model performs as the file asks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from pipelines.core.sql import text
from pipelines.gates.built_in.every import columns
from pipelines.gates.built_in.wording import both, is_, is_null, must, of_what_is_there, with_sentence
from pipelines.gates.gx.suite import Stated
from pipelines.gates.vacuous import FEW
from pipelines.monitoring import labelled
from pipelines.run.run import Run


def drift(run: Run) -> Iterator[Stated]:
    """Each feature was compared, few enough have drifted, and the model performs on the week's labels."""
    use_case, feature = run.use_case, is_("kind", "feature")
    allowed = use_case.monitoring.max_drifted_share
    yield columns(run, "drift")
    yield must(
        "column_distinct_values_to_equal_set",
        column="subject",
        value_set=list(use_case.features.names),
        row_condition=feature,
    )
    yield must("column_values_to_be_unique", column="subject", row_condition=feature)
    yield must("column_values_to_not_be_null", column="drifted", row_condition=feature)
    yield of_what_is_there(
        "column_values_to_not_be_null",
        column="value",
        row_condition=both(feature, is_null("note")),
        why="a feature that could not be compared says why in its note",
    )
    if 1 - allowed >= FEW:  # where all may drift, there is nothing to ask
        yield must(
            "column_values_to_be_in_set",
            column="drifted",
            value_set=[False],
            mostly=round(1 - allowed, 9),
            row_condition=feature,
            why=f"monitoring.max_drifted_share lets {allowed:.0%} of the features drift",
        )
    if use_case.monitoring.min_performance is not None:
        yield from _min_performance(run, use_case.monitoring.min_performance)


def _min_performance(run: Run, worst: float) -> Iterator[Stated]:
    """The primary metric is no worse than that, and has judged enough of the labels that are due: one that
    has judged none has not held.
    """
    name, greater = run.use_case.metric.name, run.use_case.greater_is_better
    primary = both(is_("kind", "performance"), is_("subject", name))
    why = f"the week's {name} stands in one row"
    yield must("column_values_to_not_be_null", column="due_rows", row_condition=primary, why=why)
    yield must("column_values_to_be_unique", column="subject", row_condition=primary, why=why)
    found = _row_of(run, name)
    if found is None or not found["due_rows"]:
        return  # it cannot be known yet; where the row itself is missing, the first one fails
    limit: dict[str, Any] = {"min_value" if greater else "max_value": worst}
    allowed = f"monitoring.min_performance allows {'at least' if greater else 'at most'} {worst:g}"
    few, none, value = labelled.too_few(found), labelled.no_value(found), found["value"]
    yield with_sentence(
        must(
            "column_values_to_be_between",
            column="current_rows",
            min_value=labelled.enough(found),
            row_condition=primary,
        ),
        f"{few}; {allowed} {name}, which so few do not judge; let the source give labels, under the"
        " keys of the predictions",
    )
    if found["current_rows"]:
        yield with_sentence(
            must("column_values_to_not_be_null", column="value", row_condition=primary),
            f"{none}; {allowed} {name}, and nobody knows whether that holds; see whether the"
            " source's labels are right",
        )
    yield with_sentence(
        of_what_is_there("column_values_to_be_between", column="value", row_condition=primary, **limit),
        f"{name} is {math.nan if value is None else value:.4g} on {found['current_rows']:,} labelled rows;"
        f" {allowed}",
    )


def _row_of(run: Run, metric: str) -> dict[str, Any] | None:
    """The row of a metric over the whole week, if the table has it, and all that is asked of it."""
    needed = ("kind", "subject", *labelled.ASKED)
    table = run.store.read("drift")
    if not set(needed) <= set(table.columns):
        return None
    rows = (
        table.filter(f"kind = 'performance' AND subject = {text(metric)}")
        .project(", ".join(labelled.ASKED))
        .fetchall()
    )
    return dict(zip(labelled.ASKED, rows[0], strict=True)) if len(rows) == 1 else None
