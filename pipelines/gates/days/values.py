"""What is asked of a day's values: whether they are like other days', and whether due labels are there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import partial

from pipelines.core import dates
from pipelines.core.config import UseCase
from pipelines.gates.days import known, usual
from pipelines.gates.days.judged import CHANGED, Judged, Told
from pipelines.gates.days.known import Day
from pipelines.monitoring import labelled


def unusual(judged: Judged) -> Told:
    """What nobody knows of a day, and labels and late values that have become known, which are not like those
    of other days.
    """
    use_case, past = judged.run.use_case, [day for day in judged.past if day.rows]
    for name, column in usual.columns(use_case).items():
        known_on, numbers = _known_on(judged, name, column), judged.numbers[name]
        if column in use_case.late:  # of a day of which some is not known yet, nothing is asked
            numbers = {
                day: number
                for day, number in numbers.items()
                if day <= _last_known(judged, judged.days[0], column)
            }
        asked = {day.day for day in past if not known_on(judged, day)}
        if not asked:
            continue
        # Of a day that was let through something may have become known since: that tells nothing of what is
        # usual.
        others = {day: n for day, n in judged.sound_numbers[name].items() if day not in asked}
        others = others if len(others) >= usual.ENOUGH_DAYS else numbers | others
        yield from _unlike(name, {day: numbers[day] for day in sorted(asked) if day in numbers}, others)


def _known_on(judged: Judged, name: str, column: str) -> Callable[[Judged, Day], bool]:
    """How it is told that somebody knows of a day what a number is about."""
    if name == usual.label(judged.run.use_case):
        return _is_label_known
    if column in judged.run.use_case.late:
        return partial(_is_late_known, means=judged.means[column])
    return partial(Judged.is_vouched_for, column=column)


def _unlike(name: str, asked: Mapping[date, usual.Number], others: Mapping[date, usual.Number]) -> Told:
    for day, number in asked.items():
        range_ = usual.range_of(
            day, number, {other: found for other, found in others.items() if other != day}
        )
        if range_ and not range_[0] <= number.mean <= range_[1]:
            yield day, f"{name} {number.mean:.3g}, usual {range_[0]:.3g} to {range_[1]:.3g}"


def _is_label_known(judged: Judged, day: Day) -> bool:
    if any(other.labelled and not known.labels_differ(day, other) for other in judged.known.get(day.day, ())):
        return True
    found = judged.by_other_rules.get(day.day, {}).values()
    return any(
        told.labelled >= (1 - CHANGED) * day.labelled and told.relabelled <= CHANGED * told.labelled
        for told in found
        if day.labelled
    )


def _is_late_known(judged: Judged, day: Day, means: str) -> bool:
    """The same of a late column, told by what it means."""
    mine = day.values.get(means)
    if mine is None or any(other.values.get(means) == mine for other in judged.known.get(day.day, ())):
        return True
    words = judged.by_other_rules.get(day.day, {}).items()
    found = [told for word, told in words if means in word.values]
    return any(
        told.later >= (1 - CHANGED) * mine[0] and told.corrected <= CHANGED * told.later for told in found
    )


def unlabelled_days(judged: Judged) -> Told:
    """Days of which labels, or values of a late column, that are due by now are there for too few rows.

    Too few are far fewer than is usual, or than another run has known of that day. One that breaks a rule
    feeds windows as none, so that labels which have all gone wrong are labels that are missing.
    """
    told: dict[date, list[str]] = {}
    for column in judged.run.use_case.hidden_at_night:
        what = "a label" if column == judged.run.use_case.target else f"a value of {column}"
        for day in _too_few_known(judged, column):
            few = f"{judged.known_of(day, column):,} of {day.rows:,} rows have {what}"
            told.setdefault(day.day, []).append(f"{few}, many fewer than days of its age or younger ones")
    return ((day, "; ".join(sentences)) for day, sentences in told.items())


def _too_few_known(judged: Judged, column: str) -> Iterator[Day]:
    run, last = judged.run, _last_known(judged, judged.days[0], column)
    due = [
        day for day in judged.days if day.rows and day.day <= last and (run.kind == "training" or not day.own)
    ]
    here = {day.day for day in judged.sound}
    trusted = [*(day for day in due if day.day in here), *(day for day in judged.told if day.rows)]
    # Of n rows, all of them with a label, one more need not have one: so few rows say no more.
    aged = [
        (_age(day, run.use_case), judged.known_of(day, column) / (day.rows + 1))
        for day in trusted
        if day.day <= _last_known(judged, day, column)
    ]
    for day in due:
        words = judged.known.get(day.day, ())
        earlier = max(
            (judged.known_of(other, column) / other.rows for other in words if other.rows), default=0.0
        )
        if judged.known_of(day, column) < fewest_labels(day.rows, _age(day, run.use_case), aged, earlier):
            yield day


def fewest_labels(rows: int, age: int, aged: Sequence[tuple[int, float]], earlier: float) -> float:
    """So many labels a day has at least whose labels are due.

    Args:
        rows: Of the day.
        age: How many days ago it was.
        aged: Age and share of labelled rows of days that were let through. Labels may come one by one, so
            only days that are no older say what is due; and days differ, so the one with the fewest does.
        earlier: The share that another run has known of this very day: labels that were known stay so.
    """
    no_older = [share for other, share in aged if other <= age]
    share = max(min(no_older) if len(no_older) >= usual.ENOUGH_DAYS else 0.0, earlier)
    return labelled.fewest(rows, share)


def _age(day: Day, use_case: UseCase) -> int:
    """How many partitions ago it was."""
    calendar = use_case.calendar
    known = dates.known_by(use_case, day.store.kind, day.store.partition)
    return calendar.index(known) - calendar.index(day.day)


def _last_known(judged: Judged, day: Day, column: str) -> date:
    """The last day whose labels, or values of a late column, were known to the partition that tells of a
    day.
    """
    return dates.last_known(judged.run.use_case, column, day.store.kind, day.store.partition)
