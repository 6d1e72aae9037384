"""What is expected of a week's drift report: nothing is an alarm; of its performance see `performance`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pipelines.gates.built_in import performance
from pipelines.gates.built_in.every import columns
from pipelines.gates.built_in.wording import is_, is_not, must, should, with_sentence
from pipelines.gates.gx.suite import Stated
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
    """Each feature was looked at, and nothing is an alarm; of performance see `performance`."""
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
    yield from performance.performance(run)


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
