"""What is expected of a week's drift report: nothing is an alarm, the model performs as the file asks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pipelines.core.sql import text
from pipelines.gates.built_in.every import columns
from pipelines.gates.built_in.wording import both, is_, is_not, must, of_what_is_there, should, with_sentence
from pipelines.gates.gx.suite import Stated
from pipelines.monitoring import labelled
from pipelines.run.run import Run
from pipelines.run.tables import ALARM, AS_BEFORE, MOVED, NOT_COMPARED

EVERY = [AS_BEFORE, MOVED, ALARM, NOT_COMPARED]
WHY = {
    ALARM: "by chance at most one red week a year: improbable beside the weeks before, and it changes scores",
    MOVED: "improbable beside the weeks before, but scores hardly change",
    NOT_COMPARED: "not measured is not as before",
}
TOLD = ("subject", "method", "value", "reference_value", "score_change", "decisions_changed", "note")


def drift(run: Run) -> Iterator[Stated]:
    """Each feature was looked at, nothing is an alarm, and the model performs on the week's labels."""
    use_case, feature = run.use_case, is_("kind", "feature")
    yield columns(run, "drift")
    yield must(
        "column_distinct_values_to_equal_set",
        column="subject",
        value_set=list(use_case.features.names),
        row_condition=feature,
    )
    yield must("column_values_to_be_unique", column="subject", row_condition=feature)
    for kind in ("feature", "prediction", "joint"):
        yield must(
            "column_values_to_be_in_set", column="verdict", value_set=EVERY, row_condition=is_("kind", kind)
        )
        yield must("column_values_to_not_be_null", column="verdict", row_condition=is_("kind", kind))
    yield from _verdicts(run)
    if use_case.monitoring.min_performance is not None:
        yield from _min_performance(run, use_case.monitoring.min_performance)


def _verdicts(run: Run) -> Iterator[Stated]:
    """No row is an alarm; what has moved without mattering, or was not compared, is a warning."""
    told = _told_by_verdict(run)
    for verdict, form in ((ALARM, must), (MOVED, should), (NOT_COMPARED, should)):
        asked = form(
            "column_values_to_be_in_set",
            column="verdict",
            value_set=[each for each in EVERY if each != verdict],
            row_condition=is_not("kind", "performance"),
            why=WHY[verdict],
        )
        yield with_sentence(
            replace(asked, needs_values=False), f"{verdict}: {'; '.join(told.get(verdict, ()))}"
        )


def _told_by_verdict(run: Run) -> dict[str, list[str]]:
    """Verdict -> a phrase of each subject that it is said of."""
    table, needed = run.store.read("drift"), ["verdict", *TOLD]
    if not set(needed) <= set(table.columns):
        return {}
    told: dict[str, list[str]] = {}
    for verdict, *row in table.filter("verdict IS NOT NULL").project(", ".join(needed)).fetchall():
        told.setdefault(str(verdict), []).append(_phrase(dict(zip(TOLD, row, strict=True))))
    return told


def _phrase(row: dict[str, Any]) -> str:
    """What has become of a subject."""
    if row["method"] is None or row["value"] is None:
        return f"{row['subject']} ({row['note'] or 'nothing to compare'})"
    cost = []
    if row["decisions_changed"] is not None:
        cost.append(f"changes {row['decisions_changed']:.1%} of the decisions")
    if row["score_change"] is not None:
        cost.append(f"moves scores by {row['score_change']:.2g} deviations")
    usual = "" if row["reference_value"] is None else f" instead of {row['reference_value']:.3g}"
    told = ", which " + " and ".join(cost) if cost else ""
    return f"{row['subject']} ({row['method']} {row['value']:.3g}{usual}{told})"


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
