"""Which features have drifted, and whether the score has: by Evidently's statistics and what is missing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import duckdb

from pipelines.core import personal
from pipelines.monitoring import drift_report
from pipelines.monitoring.drift_report import Test
from pipelines.monitoring.drift_table import SCORE, Kind, Row
from pipelines.monitoring.sides import SCORES, Side, Sides

if TYPE_CHECKING:
    from pipelines.core.config import UseCase
    from pipelines.registry.registry import Champion

MISSING_MOVED = 0.05  # by how much the share of missing values must have moved
STANDARD_ERRORS = 3.29  # and by how many standard errors: chance does so once in a thousand times


def comparison(sides: Sides, note: str | None, use_case: UseCase) -> tuple[list[Row], str]:
    """Compare the two sides.

    Args:
        sides: What is compared.
        note: What there is to say of the score, see `other_versions`.
        use_case: The facts.

    Returns:
        A row a feature and one for the score, and Evidently's page.
    """
    old, new = sides.samples(use_case)
    every = {**sides.types, **SCORES}.items()
    tests = {name: drift_report.test_for(type_, old[name], new[name]) for name, type_ in every}
    found = drift_report.compare(
        [test for test in tests.values() if test],
        old,
        new,
        hidden=private(use_case),
        apart=SCORE,
        time=use_case.time,
        drift_share=use_case.monitoring.max_drifted_share,
    )
    values = found.values
    features = [
        _row("feature", name, type_, tests[name], values.get(name), sides.before, sides.now)
        for name, type_ in sides.types.items()
    ]
    score = _score(tests[SCORE], values.get(SCORE), sides.score_before, sides.score_now, note)
    return [*features, score], found.html


def private(use_case: UseCase) -> set[str]:
    """The features that the page may not show: texts, word for word, and the values and extremes of personal
    features.
    """
    return {*use_case.features.texts, *personal.features(use_case)}


def _row(
    kind: Kind,
    name: str,
    type_: str,
    test: Test | None,
    value: float | None,
    before: Side,
    now: Side,
    note: str | None = None,
) -> Row:
    """A feature or the score: it has drifted when its values have, or when the share of missing ones has
    moved.
    """
    old, new = before.missing[name], now.missing[name]
    notes = [note] if note else []
    moved = _missing_moved(before, now, name)
    if moved:
        notes.append(f"missing: {100 * old:.1f} % in the reference, {100 * new:.1f} % in the week")
    if test is None:
        notes.append(_why_no_test(old, new))
    elif value is None:
        notes.append("no word in these texts tells anything")
    return Row(
        subject=name,
        kind=kind,
        type=type_,
        method=test.method if test else None,
        value=value,
        threshold=test.threshold if test else None,
        drifted=moved or (test is not None and value is not None and test.drifted(value)),
        reference_missing=old,
        current_missing=new,
        reference_rows=before.rows,
        current_rows=now.rows,
        note="; ".join(notes) or None,
    )


def _missing_moved(before: Side, now: Side, name: str) -> bool:
    """Evidently leaves missing values out of account, so we do not: the share must move far, and further than
    by chance.
    """
    old, new = before.missing[name], now.missing[name]
    if (old == 1) != (new == 1):
        return True
    share = (old * before.rows + new * now.rows) / (before.rows + now.rows)
    error = math.sqrt(share * (1 - share) * (1 / before.rows + 1 / now.rows))
    return abs(new - old) > max(MISSING_MOVED, STANDARD_ERRORS * error)


def _why_no_test(old: float, new: float) -> str:
    if old == 1 or new == 1:
        return f"no value in the {'reference' if old == 1 else 'week'}"
    return f"fewer than {drift_report.FEW_TEXTS} texts to compare"


def _score(test: Test | None, value: float | None, before: Side, now: Side, note: str | None) -> Row:
    """The champion's scores of its own nights.

    Of another version's nobody can tell whether they have drifted.
    """
    if now.rows:
        return _row("prediction", SCORE, SCORE, test, value, before, now, note)
    missing = before.missing[SCORE]
    return Row(
        subject=SCORE,
        kind="prediction",
        type=SCORE,
        reference_rows=before.rows,
        current_rows=0,
        reference_missing=missing,
        note=note,
    )


def other_versions(scored: duckdb.DuckDBPyRelation, own: int, champion: Champion) -> str | None:
    """Who else has scored in this week: their scores follow another distribution by nature, and are not
    compared.
    """
    versions = {str(row[0]) for row in scored.project("model_version").distinct().fetchall()}
    others = ", ".join(sorted(versions - {champion.version}))
    if not others:
        return None
    if not own:
        return f"not compared: all nights were scored by version {others}, none by {champion.version}"
    return (
        f"only the {own:,} rows that version {champion.version} has scored are compared: some nights were"
        f" scored by version {others}"
    )
