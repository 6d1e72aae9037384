"""The days that windows see, judged one by one: a row a day, a column a question, and in it what is wrong, if
anything is.

A day whose rows are the very rows that its night, or another run before this one, has let through needs no
other proof. A day that differs from what was let through is told, and closes the gate where it differs by
much. A day of which no run knows anything is judged by the other days (`pipelines.gates.earlier.usual`); of
one that was let through by other rules of rows, what means something else. A day whose own night was stopped
by a gate on its rows feeds no window until that night has been run again and let through, whatever the source
gives of it meanwhile.

Before the first day on which the source has rows, none are due, unless another run has let through rows of so
early a day.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial
from typing import TYPE_CHECKING, Literal, TypeAlias

from pipelines.core import dates, meaning, sql
from pipelines.core.config import Expectation
from pipelines.core.config.watch import LikePast
from pipelines.gates.earlier import known, usual
from pipelines.gates.earlier.known import Day, Difference
from pipelines.gates.gx.suite import Stated
from pipelines.gates.resolve import CHANCE
from pipelines.monitoring import labelled
from pipelines.run.run import Run
from pipelines.storage.store import Store

if TYPE_CHECKING:
    import duckdb

GOOD = "as expected"
# How far the number of a day's rows may lie from what it was, or from other days'; one that nobody has let
# through may be a holiday.
MARGIN = LikePast.model_fields["margin"].default
FEWEST, MOST = 1 / 4, 2.5
CHANGED = 0.1  # of a day's rows, or known labels: so many may be others than were let through
MOST_DAYS = 5  # in a sentence
MOST_COLUMNS = 3  # of a day
SURE = 5  # standard deviations of a count, beyond a share that is allowed of each of many days

Told: TypeAlias = Iterator[tuple[date, str]]


@dataclass(frozen=True)
class Question:
    """What is asked of each day: what for, and whether a wrong day closes the gate.

    `why` may name the `{nights}` of the days that are wrong.
    """

    why: str
    ask: Callable[[Judged], Told]
    severity: Literal["stop", "warn"] = "stop"


def expectations(run: Run, table: duckdb.DuckDBPyRelation) -> tuple[Stated, ...]:
    """What is expected of the columns of `table`, for a run whose `days` are published.

    What is wrong in them, in plain words.
    """
    return tuple(_stated(run, name, question, table) for name, question in QUESTIONS.items())


def _stated(run: Run, name: str, question: Question, table: duckdb.DuckDBPyRelation) -> Stated:
    every = table.project(f"CAST(day AS VARCHAR), {sql.name(name)}").order("1").fetchall()
    wrong = {day: cell for day, cell in every if cell != GOOD}
    facts = {
        "use_case": run.use_case.name,
        "key": run.use_case.key,
        "rejected": run.use_case.cleanse.max_quarantined,
    }
    return Stated(
        Expectation(
            name="expect_column_values_to_be_in_set",
            kwargs={"column": name, "value_set": [GOOD]},
            severity=question.severity,
        ),
        why=question.why.format(**facts, nights=_few(list(wrong), ", then ") or "DAY"),
        told=f"{len(wrong):,} of {len(every):,} days: {_few(list(wrong.values()), '; ')}" if wrong else "",
    )


def _few(told: Sequence[str], between: str, most: int = MOST_DAYS) -> str:
    more = f" and {len(told) - most:,} more" if len(told) > most else ""
    return between.join(told[:most]) + more


def table(run: Run) -> duckdb.DuckDBPyRelation:
    """A row for each day that windows see: `day`, and for each question GOOD, or what is wrong."""
    import pyarrow as pa

    judged = Judged(run)
    wrong: dict[str, dict[date, str]] = {
        name: dict(question.ask(judged)) for name, question in QUESTIONS.items()
    }
    columns = {
        name: [f"{day.day}: {told[day.day]}" if day.day in told else GOOD for day in judged.days]
        for name, told in wrong.items()
    }
    return run.store.connection.from_arrow(pa.table({"day": [day.day for day in judged.days], **columns}))


class Judged:
    """The days of a run, and all by which they are judged, each found out when it is asked for."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.days = known.days(run.store)
        self.others = known.others(run)
        self.told = [day for store in self.others for day in known.days(store)]
        self.known = known.of(run, self.days, self.told)

    @property
    def past(self) -> list[Day]:
        """The days before the partition's own."""
        return [day for day in self.days if not day.own]

    @property
    def judged_by_day(self) -> list[Day]:
        """The days of which nobody else has judged whether they are there: a night's own has gates of its
        own.
        """
        return self.days if self.run.kind == "training" else self.past

    @cached_property
    def means(self) -> dict[str, str]:
        """The fingerprint of each column."""
        return meaning.columns(self.run.use_case)

    def known_of(self, day: Day, column: str) -> int:
        """How many labels, or values of a late column, are known of a day."""
        return (
            day.labelled
            if column == self.run.use_case.target
            else day.values.get(self.means[column], (0, None))[0]
        )

    @cached_property
    def first(self) -> date | None:
        """The first day of which rows are due."""
        every = (*self.days, *self.told, *(other for others in self.known.values() for other in others))
        return min((day.day for day in every if day.rows), default=None)

    def is_known(self, day: Day) -> bool:
        """Whether its rows, and the labels that are known of them, are those that another run has let
        through.
        """
        return day.day in self.known and day.day not in self.differences

    @cached_property
    def differences(self) -> dict[date, list[tuple[Day, Difference]]]:
        """How days differ from what is known of them: in their rows from every word on them, in labels and
        late columns from the newest that knows any.

        Of words by other rules of rows only rows that both have tell anything.
        """
        words_on = {
            day: self.known.get(day.day) or self.told_by_other_rules.get(day.day)
            for day in self.judged_by_day
        }
        asked = {day: words for day, words in words_on.items() if words}
        rows = {
            day: words
            for day, words in asked.items()
            if not any(known.has_rows_of(day, word) for word in words)
        }
        newest = {day: known.newest_labels(words) for day, words in asked.items()}
        labels = {day: word for day, word in newest.items() if word and known.relabelled(day, word)}
        newest_values = {day: known.newest_values(words) for day, words in asked.items()}
        late = {day: word for day, word in newest_values.items() if word and known.corrected(day, word)}
        pairs = (
            {(day, word) for day, words in rows.items() for word in words}
            | set(labels.items())
            | set(late.items())
        )
        compared = {
            (day, word): told if word.meaning == day.meaning else told.of_both
            for (day, word), told in known.compared(self.run, pairs).items()
        }
        # Hashes differ, too, where another file told them, or where a label or a late column is known that
        # was not.
        other = {
            day: words[0] for day, words in rows.items() if all(compared[day, word].in_rows for word in words)
        }
        found: dict[date, list[tuple[Day, Difference]]] = {}
        for day in asked:
            for word in dict.fromkeys(
                word for word in (other.get(day), labels.get(day), late.get(day)) if word
            ):
                told = compared[day, word].of(
                    rows=word is other.get(day), labels=word is labels.get(day), late=word is late.get(day)
                )
                if told.in_rows or told.relabelled or told.corrected:
                    found.setdefault(day.day, []).append((word, told))
        return found

    @cached_property
    def shared(self) -> dict[Store, dict[str, str]]:
        """See `known.shared`, of all that know a day."""
        words = (*self.known.values(), *self.by_other_rules.values())
        return {
            store: known.shared(self.run, store) for store in {word.store for each in words for word in each}
        }

    @cached_property
    def told_by_other_rules(self) -> dict[date, list[Day]]:
        """Words by files with other rules of rows, on days on which there are no others."""
        return known.by_other_rules(
            self.run,
            [day for day in self.judged_by_day if day.rows and not self.known.get(day.day)],
            self.told,
        )

    @cached_property
    def by_other_rules(self) -> dict[date, dict[Day, Difference]]:
        """Those of them on fresh days that vouch for something, and how far the rows are the same: no more
        may differ than elsewhere.
        """
        pairs = [(day, word) for day in self.fresh for word in self.told_by_other_rules[day.day]]
        compared = known.compared(self.run, pairs)
        found: dict[date, dict[Day, Difference]] = {}
        for day, word in pairs:
            told = compared[day, word]
            if told.changed <= CHANGED * told.before and told.added <= CHANGED * day.rows:
                found.setdefault(day.day, {})[word] = told
        return found

    def is_vouched_for(self, day: Day, column: str) -> bool:
        """Whether anybody knows a column of a day: where the file has changed, those who know the day may
        not.
        """
        words = self.known.get(day.day, ())
        if any(known.has_rows_of(day, word) or column in self.shared[word.store] for word in words):
            return True
        return any(column in self.shared[word.store] for word in self.by_other_rules.get(day.day, ()))

    @cached_property
    def stopped(self) -> dict[date, str]:
        """The days whose own nights were stopped by a gate on their rows, in words: closed, whoever else
        knows them.
        """
        return {day.day: told for day in self.judged_by_day if (told := known.stopped(self.run, day))}

    @cached_property
    def fresh(self) -> list[Day]:
        """The days of the past with rows of which nobody knows anything."""
        return [day for day in self.past if day.rows and not self.known.get(day.day)]

    @cached_property
    def sound(self) -> list[Day]:
        """The days that were let through: here, or, where these are not enough to tell what is usual,
        elsewhere.
        """
        here = [
            day
            for day in self.days
            if day.rows and day.day not in self.stopped and (day.own or self.is_known(day))
        ]
        seen, meaning = {day.day for day in self.days}, self.days[0].meaning
        elsewhere = {
            day.day: day for day in self.told if day.rows and day.day not in seen and day.meaning == meaning
        }
        return here if len(here) >= usual.ENOUGH_DAYS else [*here, *elsewhere.values()]

    @cached_property
    def usual_rows(self) -> dict[date, int]:
        """How many rows days have: those that were let through, if they are enough; else all."""
        enough = len(self.sound) >= usual.ENOUGH_DAYS
        return {day.day: day.rows for day in (self.sound if enough else self.days) if day.rows}

    @cached_property
    def numbers(self) -> dict[str, dict[date, usual.Number]]:
        """What stands in the columns of all days."""
        return usual.numbers(known.rows(self.run, self.run.store), self.run.use_case)

    @cached_property
    def sound_numbers(self) -> dict[str, dict[date, usual.Number]]:
        """The same of the days that were let through."""
        found = {name: dict(numbers) for name, numbers in self.numbers.items()}
        seen, sound = {day.day for day in self.days}, {day.day for day in self.sound}
        for store in self.others if sound - seen else ():
            for name, numbers in usual.numbers(known.rows(self.run, store), self.run.use_case).items():
                found[name] |= {day: number for day, number in numbers.items() if day not in seen}
        return {
            name: {day: number for day, number in numbers.items() if day in sound}
            for name, numbers in found.items()
        }


def _missing(judged: Judged) -> Told:
    run = judged.run
    for day in judged.judged_by_day:
        due = judged.first is not None and day.day >= judged.first
        others = judged.known.get(day.day, ())
        empty_is_good = run.use_case.limits.empty_nights or not run.use_case.expects(day.day)
        if not day.rows and due and not (empty_is_good and all(not other.rows for other in others)):
            had = f", {others[0]!s} had {others[0].rows:,}" if others else ""
            yield day.day, f"no rows{had}"


def _beyond(judged: Judged, fewest: float, most: float) -> Told:
    """Days that nobody knows whose number of rows is beyond these multiples of the weekday's median."""
    first = min((day.day for day in judged.days if day.rows), default=None)
    for day in judged.fresh:
        median = usual.weekday_median(day.day, judged.usual_rows)
        if median is None:
            continue
        chance = CHANCE * math.sqrt(median)
        # the source may begin in the midst of it
        low = 0 if day.day == first else min(fewest * median, median - chance)
        if not low <= day.rows <= max(most * median, median + chance):
            yield day.day, f"{day.rows:,} rows, usual {median:,.0f}"


def _too_many(judged: Judged) -> Told:
    return _beyond(judged, FEWEST, MOST)


def _many(judged: Judged) -> Told:
    return _beyond(judged, 1 - MARGIN, 1 + MARGIN)


def _over(judged: Judged, counted: Sequence[tuple[Day, int, int]], what: str) -> Told:
    """Days with a greater share than `cleanse.max_quarantined` and chance, or all of them, if together they
    have.
    """
    allowed = judged.run.use_case.cleanse.max_quarantined
    together = sum(n for _, n, _ in counted) > math.floor(round(allowed * sum(of for _, _, of in counted), 6))
    for day, n, of in counted:
        limit = allowed * of + (0 if together else SURE * math.sqrt(allowed * (1 - allowed) * of))
        if n > limit:
            yield day.day, f"{n:,} of {of:,} {what}"


def _rejected(judged: Judged) -> Told:
    return _over(
        judged,
        [(day, day.rejected or 0, day.delivered or 0) for day in judged.past if not judged.is_known(day)],
        "rejected",
    )


def _again(judged: Judged) -> Told:
    return _over(judged, [(day, day.again, day.rows) for day in judged.days], "keys come again")


def _stopped(judged: Judged) -> Told:
    return iter(judged.stopped.items())


def _changed(judged: Judged) -> Told:
    for day, differing in judged.differences.items():
        yield day, "; ".join(_difference(found, other) for other, found in differing)


def _difference(found: Difference, other: Day) -> str:
    columns = f"other ({listed})" if (listed := _few(found.columns, ", ", MOST_COLUMNS)) else "other"
    parts = {columns: found.changed, "gone": found.gone, "new": found.added}
    parts |= {"labels other": found.relabelled, "late values other": found.corrected}
    return f"{', '.join(f'{n:,} {what}' for what, n in parts.items() if n)}, {other}"


def _changed_much(judged: Judged) -> Told:
    told = dict(_changed(judged))
    at = {day.day: day for day in judged.days}
    for day, differing in judged.differences.items():
        if any(_is_much(found) or _moved(at[day], other) for other, found in differing):
            yield day, told[day]


def _is_much(found: Difference) -> bool:
    rows = max(MARGIN * found.before, CHANCE * math.sqrt(found.before))
    return (
        found.changed + found.gone > CHANGED * found.before
        or abs(found.added - found.gone) > rows
        or found.relabelled > CHANGED * found.labelled
        or found.corrected > CHANGED * found.later
    )


def _moved(day: Day, other: Day) -> bool:
    """Whether the number of positive labels of the same rows is another than it was by more than a count of
    rows may be.
    """
    if day.meaning != other.meaning:
        return False
    if not (day.labelled and other.labelled and day.positives is not None and other.positives is not None):
        return False
    due = other.positives * day.labelled / other.labelled
    return bool(abs(day.positives - due) > max(MARGIN * due, CHANCE * math.sqrt(due), CHANCE))


def _unusual(judged: Judged) -> Told:
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
    if any(other.labelled and not known.relabelled(day, other) for other in judged.known.get(day.day, ())):
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


def _unlabelled(judged: Judged) -> Told:
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
        (_age(day), judged.known_of(day, column) / (day.rows + 1))
        for day in trusted
        if day.day <= _last_known(judged, day, column)
    ]
    for day in due:
        words = judged.known.get(day.day, ())
        earlier = max(
            (judged.known_of(other, column) / other.rows for other in words if other.rows), default=0.0
        )
        if judged.known_of(day, column) < fewest_labels(day.rows, _age(day), aged, earlier):
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


def _age(day: Day) -> int:
    return (dates.known_by(day.store.kind, day.store.partition) - day.day).days


def _last_known(judged: Judged, day: Day, column: str) -> date:
    """The last day whose labels, or values of a late column, were known to the partition that tells of a
    day.
    """
    return dates.last_known(judged.run.use_case, column, day.store.kind, day.store.partition)


def _another(judged: Judged) -> Told:
    """Days that nobody knows, in which stands what stands in another day."""
    for day in judged.fresh:
        twin = next(
            (
                other
                for other in judged.days
                if other.day != day.day and other.pattern == day.pattern and day.pattern
            ),
            None,
        )
        if twin:
            yield day.day, f"has the rows of {twin.day}"


_AGAIN = "python -m pipelines run {use_case} scoring {nights}, or in Airflow clear it from its first task"
_MEND = "mend the source; if this is right, let the gates of that night say so: " + _AGAIN
QUESTIONS: dict[str, Question] = {
    "missing": Question(
        "windows see each day, and it has rows; if days without any are in order, say so:"
        " limits.empty_nights, source.expected",
        _missing,
    ),
    "number_of_rows": Question(
        "a day that no run knows has about as many rows as others of its weekday", _too_many
    ),
    "about_as_many_rows": Question(
        "a day that no run knows has as many rows as others of its weekday, half of them more or less",
        _many,
        "warn",
    ),
    "rejected": Question("cleanse.max_quarantined allows {rejected:.3g} of a day's rows", _rejected),
    "keys_of_earlier_days": Question(
        "a key names a row, and cleanse.max_quarantined allows {rejected:.3g} to come again on another day:"
        " is {key} the customer's, not the row's?",
        _again,
    ),
    "stopped_nights": Question(
        "rows that their own night's gate has stopped feed no windows until that night has been let through; "
        "mend the cause, in the source or in the file, and run it again: " + _AGAIN,
        _stopped,
    ),
    "differences": Question("these days were let through with other rows", _changed, "warn"),
    "great_differences": Question(
        "these days were let through with other rows; "
        + _MEND
        + "; of labels and late values, the nights that have known the others",
        _changed_much,
    ),
    "values": Question(
        "a day that no run knows is like others, and so are labels and late values that have become known",
        _unusual,
    ),
    "labels": Question(
        "labels and late values that are known by now are there; one that breaks a rule is none", _unlabelled
    ),
    "another_days_rows": Question("a day has rows of its own", _another),
}
