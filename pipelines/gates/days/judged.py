"""The days of a run, and all by which they are judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import cached_property
from typing import TypeAlias

from pipelines.core import meaning
from pipelines.gates.days import known, usual
from pipelines.gates.days.known import Day, Difference
from pipelines.run.run import Run
from pipelines.storage.store import Store

CHANGED = 0.1  # of a day's rows, or known labels: so many may be others than were let through
MOST_DAYS = 5  # in a sentence

Told: TypeAlias = Iterator[tuple[date, str]]  # a day, and what is wrong with it


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
        labels = {day: word for day, word in newest.items() if word and known.labels_differ(day, word)}
        newest_values = {day: known.newest_values(words) for day, words in asked.items()}
        late = {
            day: word for day, word in newest_values.items() if word and known.late_values_differ(day, word)
        }
        pairs = (
            {(day, word) for day, words in rows.items() for word in words}
            | set(labels.items())
            | set(late.items())
        )
        compared = {
            (day, word): told if word.meaning == day.meaning else told.of_both
            for (day, word), told in known.differences(self.run, pairs).items()
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
            store: known.same_columns(self.run, store)
            for store in {word.store for each in words for word in each}
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
        compared = known.differences(self.run, pairs)
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
        return {day.day: told for day in self.judged_by_day if (told := known.why_stopped(self.run, day))}

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


def few(told: Sequence[str], between: str, most: int = MOST_DAYS) -> str:
    """The first of some words, and how many more there are."""
    more = f" and {len(told) - most:,} more" if len(told) > most else ""
    return between.join(told[:most]) + more
