"""What a promotion has claimed, and what has come true of it: the gain of a version over the one before it,
on the days that it has scored since, once their labels are due.

Both are asked about the same rows: the newer version's scores are those that were published, the older one's
are made by its serving graph. From four weeks of labelled days on each report tells it, and after eight, or
when the reign is over, the history does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from pipelines.core.calendar import DAILY, Calendar
from pipelines.core.dates import WEEK, Days
from pipelines.core.metrics import by_name
from pipelines.evaluation.scores import CHAMPION
from pipelines.metrics import sureness
from pipelines.metrics.paired import Gain
from pipelines.monitoring import diagnosis
from pipelines.registry.history import Decision

if TYPE_CHECKING:
    from pipelines.core.config import UseCase

FEWEST, MOST = 4 * WEEK, 8 * WEEK  # days


@dataclass(frozen=True)
class Claim:
    """A promotion whose gain is checked.

    Attributes:
        version: The one that was promoted.
        previous: The one before it.
        metric: By which it was better.
        claimed: By how much, on held-out rows.
        days: The days of its reign whose labels are due, eight weeks at most.
        whole: Whether no more will be checked.
    """

    version: str
    previous: str
    metric: str
    claimed: float
    days: Days
    whole: bool


@dataclass(frozen=True)
class Checked:
    """What has come of it.

    Attributes:
        claim: The claim.
        gain: On the labelled rows; None where it cannot be told.
        rows: How many these are.
        nights: Of how many days.
        why: Why it cannot be told.
    """

    claim: Claim
    gain: Gain | None = None
    rows: int = 0
    nights: int = 0
    why: str | None = None

    @property
    def ends(self) -> tuple[float, float] | None:
        """The interval of what came true."""
        return self.gain.interval() if self.gain else None

    @property
    def sentence(self) -> str:
        """For the page and the history."""
        claim = self.claim
        told = f"claimed {claim.claimed:+.3g} {claim.metric} over version {claim.previous}"
        if self.gain is None or self.ends is None:
            return f"{told}; what came true cannot be told: {self.why or 'too few labels'}"
        low, high = self.ends
        calendar, weeks = claim.days.calendar, max(round(self.nights / WEEK), 1)
        over = (
            f"{weeks} week{'s' * (weeks != 1)}"
            if calendar.every == "day"
            else calendar.counted(len(claim.days))
        )
        return (
            f"{told}, came true {self.gain.value:+.3g} ({low:+.3g} to {high:+.3g}) over {over},"
            f" {self.rows:,} labelled rows"
        )

    def row(self) -> Mapping[str, Any]:
        """The row of the table `diagnosis`."""
        low, high = self.ends or (None, None)
        return diagnosis.row(
            kind="claim",
            subject=f"version {self.claim.version} over {self.claim.previous}",
            holds=None if low is None or high is None else low <= self.claim.claimed <= high,
            value=None if self.gain is None else _digits(self.gain.value),
            low=_digits(low),
            high=_digits(high),
            threshold=_digits(self.claim.claimed),
            rows=self.rows,
            evidence=self.sentence,
        )

    def values(self) -> dict[str, float]:
        """For the history."""
        told = {"claimed": self.claim.claimed}
        if self.gain is not None and self.ends is not None:
            told |= {"came true": self.gain.value, "low": self.ends[0], "high": self.ends[1]}
        return {name: float(f"{value:.9g}") for name, value in told.items()}


def due(
    changes: Sequence[Decision],
    family: Callable[[str], str],
    checked: Collection[str],
    labelled: date,
    use_case: UseCase | None = None,
) -> list[Claim]:
    """The promotions whose gain is to be told.

    Args:
        changes: The decisions by which the champion has changed, the oldest first.
        family: Tells a version's family, by which the history names its value.
        checked: The versions of which the history has told it.
        labelled: The newest day whose label is due.
        use_case: Its calendar, and how long a report is: a week of days by default.

    Returns:
        One a version, its newest reign: those with four weeks of labelled days.
    """
    calendar, report = (use_case.calendar, use_case.report_partitions) if use_case else (DAILY, WEEK)
    fewest, most = (n * report // WEEK for n in (FEWEST, MOST))
    found: dict[str, Claim] = {}
    for line, after in zip(changes, [*changes[1:], None], strict=True):
        if line.decision != "promoted" or line.previous is None or line.version in checked:
            continue
        # the night of a morning is that of the day before
        first, end = _first_night(line, calendar), labelled
        if after is not None:
            end = min(labelled, calendar.step(_first_night(after, calendar), -1))
        days = Days(first, min(end, calendar.step(first, most - 1)), calendar)
        if len(days) < fewest:
            continue
        version = str(line.version)
        claimed = _claimed(line, family(version))
        if claimed is not None:
            over = after is not None and end < labelled
            whole = over or len(days) == most
            found[version] = Claim(version, line.previous, str(line.metric), claimed, days, whole)
    return list(found.values())


def _first_night(line: Decision, calendar: Calendar) -> date:
    """The first partition whose run is due when a decision holds."""
    return calendar.of(line.moment - timedelta(microseconds=1))


def _claimed(line: Decision, family: str) -> float | None:
    """By how much the version was better than the champion, as the history tells."""
    values = line.values or {}
    own, champion = values.get(family), values.get(CHAMPION)
    if line.metric is None or own is None or champion is None:
        return None
    return sureness.loss(own, champion, by_name(line.metric))


def _digits(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.9g}")
