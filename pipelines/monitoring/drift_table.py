"""The table `drift`: a row a feature, one for the score, one a metric on matured labels; and what follows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal, TypeAlias

import pandas as pd

from pipelines.core.dates import Days
from pipelines.run.tables import ALARM, DRIFT, MOVED, NOT_COMPARED

Kind: TypeAlias = Literal[
    "feature", "prediction", "joint", "performance", "version", "labels", "level", "estimate"
]

SCORE = "score"
DECISIONS, LABELS = "share of decisions", "predicted share of positive labels"
ALL = "all features together"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of the table."""

    subject: str
    kind: Kind
    type: str
    reference_rows: int
    current_rows: int
    method: str | None = None
    value: float | None = None
    threshold: float | None = None
    drifted: bool | None = None
    verdict: str | None = None
    broken: bool | None = None
    season: bool | None = None
    effect: float | None = None
    score_change: float | None = None
    decisions_changed: float | None = None
    reference_missing: float | None = None
    current_missing: float | None = None
    reference_value: float | None = None
    matured_share: float | None = None
    due_rows: int | None = None
    reference_labelled: float | None = None
    low: float | None = None
    high: float | None = None
    reference_low: float | None = None
    reference_high: float | None = None
    standard_error: float | None = None
    judge: str | None = None
    least_loss: float | None = None
    likely_loss: float | None = None
    allowed_loss: float | None = None
    detectable_loss: float | None = None
    judged_rows: int | None = None
    judged_days: int | None = None
    ought: bool | None = None
    note: str | None = None


def table(rows: Iterable[Row]) -> pd.DataFrame:
    """The table of some rows; see `Found.table`."""
    return pd.DataFrame([asdict(row) for row in rows])[list(DRIFT)].astype(DRIFT)


@dataclass(frozen=True)
class DriftResult:
    """A week's comparison.

    Attributes:
        table: The table `drift`, a row a feature, one for the score, one a metric (the primary one first):
            subject; kind (feature, prediction, performance, and where several versions have scored the week,
            version: what each of them did, whose subject names it); type (number, category, text, score,
            metric); method (Evidently's name, or where the metric was measured); value (the statistic, or the
            metric on matured labels); threshold (the value from where on it is drift, or the worst allowed
            performance); drifted (null for performance, and for a score of which the champion has no night in
            the week); reference_missing and current_missing (shares of all rows); reference_rows and
            current_rows (all of them, though the statistic may come from a sample); for performance also
            reference_value (the champion on its held-out rows), matured_share (of the judged days'
            predictions, how many have a label), due_rows (of how many it is due) and reference_labelled (of
            the training's rows of such an age, the share that had one); for the primary metric also low and
            high (its 95 % interval by unit and day), reference_low and reference_high (that of the held-out
            rows), standard_error (that of the value, by these days alone), judge (the version with whose
            held-out rows it is compared), least_loss (by how much it is surely worse, less where it may be
            better), likely_loss (the same by nine to one), allowed_loss (`monitoring.max_loss`, in the
            metric's units), detectable_loss (which loss is found in 80 % of draws), and ought (whether there
            ought to be a value by now); judged_rows and judged_days (the labelled rows that the value is of);
            note (why a value is null, or what else there is to say). It is the same for the same inputs.
        performance: The table `performance`, see `scored_days`.
        page: Makes a page for a person, of the table `diagnosis`. It is the same for the same inputs, too.
        first_labels: The day on which the labels of the week's first predictions are known.
        days: The table `drift_days`, by which later weeks know what is usual.
        due: The days whose labels are due.
    """

    table: pd.DataFrame
    performance: pd.DataFrame
    page: Callable[[pd.DataFrame], str]
    first_labels: date
    days: pd.DataFrame
    due: Days

    def summary(self) -> str:
        """One line for the log."""
        judged = self.table[self.table.verdict.notna()]
        features = judged[judged.kind == "feature"]
        alarms = judged[judged.verdict == ALARM].subject.to_list()
        moved = features[features.verdict == MOVED].subject.to_list()
        told = [
            f"{len(alarms)} alarm{'s' * (len(alarms) != 1)}{_some(alarms)}",
            f"{len(moved)} of {len(features)} features moved, of little weight alone{_some(moved)}",
        ]
        if (judged[judged.subject == SCORE].verdict == NOT_COMPARED).any():
            told.append("the score is not compared")
        return f"drift: {', '.join(told)}; {self._performed()}"

    def _performed(self) -> str:
        """The primary metric in words, or why there is none.

        Labels that are due and not there are told, not waited for.
        """
        primary = self.primary
        if not primary["due_rows"]:
            return f"no labelled rows (the first labels are known on {self.first_labels})"
        due = f"the labels of {primary['due_rows']:,} predictions are due"
        if not primary["current_rows"]:
            return f"no labelled rows, though {due}"
        fewer = f"; {due}" if primary["current_rows"] < primary["due_rows"] else ""
        rows = f"on {primary['judged_rows']:,} labelled rows ({self.due}{fewer})"
        if primary["value"] is None:
            return f"no {primary['subject']} {rows}: {primary['note']}"
        low, high = primary["low"], primary["high"]
        between = "" if low is None else f" ({low:.4f} to {high:.4f})"
        return f"{primary['subject']} {primary['value']:.4f}{between} {rows}"

    @property
    def primary(self) -> dict[str, Any]:
        """The primary metric's row; None where it has no value."""
        rows = self.table[self.table.kind == "performance"].iloc[:1].astype(object)
        found: dict[str, Any] = rows.where(rows.notna(), None).to_dict("records")[0]  # type: ignore[assignment]
        return found

    @property
    def alarms(self) -> int:
        """How many rows are an alarm."""
        return int((self.table.verdict == ALARM).sum())


def _some(names: Sequence[str]) -> str:
    return f" ({', '.join(names[:5])}{', ...' if len(names) > 5 else ''})" if names else ""
