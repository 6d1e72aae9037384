"""Who became champion when, and why, and what else was decided: one line of JSON each, never changed, never
removed.

This file is the truth. A promotion, a rollback and a retirement happen when their line is on the disk, and
not before; the alias `champion` in MLflow's registry follows, for MLflow's own users.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time
from typing import Literal

from pipelines.core import dates
from pipelines.core.errors import BadInput, TryAgain
from pipelines.core.rendered import one_line
from pipelines.storage import kept, places
from pipelines.storage.places import Place
from pipelines.storage.settings import Settings

WAIT = 60  # seconds for another process that is deciding
WAY_OUT = "bring the file back from a backup; nothing is scored or decided by half of it"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One decision about a use case's champion."""

    time: str  # ISO 8601, UTC
    # kept: the previous champion stayed, or there still is none
    decision: Literal["promoted", "kept", "rolled back", "retired"]
    version: str | None  # that was decided about; None: retired, there is no champion from then on
    previous: str | None  # the champion that was met
    reason: str
    partition: str | None = None  # of the challenger's training; None where a person decided
    metric: str | None = None
    values: dict[str, float | None] | None = None  # model -> its primary metric on the held-out rows
    orchestrator: str = "command line"
    by: str | None = None  # the person who decided, or who approved
    file: str | None = None  # sha256 of the use-case file that the version has learned, see `definitions`
    # ISO 8601, UTC: see `moment`; None where partitions are days from midnight to midnight, which tell it
    holds_from: str | None = None

    def __str__(self) -> str:
        """One line for a person."""
        what = f"version {self.version}" if self.version else "champion"
        by = f" by {self.by}" if self.by else ""
        why = one_line(self.reason)
        return f"{self.time}  {self.partition or self.since}  {what} {self.outcome}{by}: {why}"

    @property
    def outcome(self) -> str:
        """What became of the version, in words: of one that is no champion nobody would say that it was
        kept.
        """
        return "not promoted" if self.decision == "kept" else self.decision

    @property
    def since(self) -> date:
        """The morning from which on it holds for nights."""
        return self.moment.date()

    @property
    def moment(self) -> datetime:
        """The moment (naive, of UTC) from which on it holds for nights: when the training's partition is
        over, whenever it ran; the day of a person's decision.
        """
        if self.holds_from:
            return datetime.fromisoformat(self.holds_from)
        morning = dates.parse(self.partition) + dates.DAY if self.partition else self._decided.date()
        return datetime.combine(morning, time())

    @property
    def held_from(self) -> datetime:
        """The moment (UTC) from which on it holds: of the decision.

        Of a training that ran on a later day, the first moment of its morning.
        """
        return self._decided if self._decided.date() == self.since else self.moment.replace(tzinfo=UTC)

    @property
    def champion(self) -> str | None:
        """Who is champion after it."""
        return self.previous if self.decision == "kept" else self.version

    def same_as(self, other: Decision) -> bool:
        """Whether both are the same decision: made twice, it is one line."""
        mine, theirs = (
            (line.version, line.previous, line.decision, line.reason, line.by) for line in (self, other)
        )
        return mine == theirs

    @property
    def _decided(self) -> datetime:
        return datetime.fromisoformat(self.time)


@dataclass(frozen=True, kw_only=True)
class Event:
    """What was decided or found about a champion without changing it."""

    time: str  # ISO 8601, UTC
    # called: a week's report has called for a training; acknowledged: a person has taken note of a cause;
    # checked: what the gain that a version was promoted for has come to
    event: Literal["called", "acknowledged", "checked"]
    partition: str  # the week, by its first day
    version: str  # the champion, or the version whose gain was checked
    reason: str
    cause: str | None = None  # of the diagnosis
    since: str | None = None  # called: the first day of what is new
    values: dict[str, float] | None = None
    orchestrator: str = "command line"
    by: str | None = None  # the person

    def __str__(self) -> str:
        """One line for a person."""
        by = f" by {self.by}" if self.by else ""
        what = {
            "called": "a training was called for",
            "acknowledged": f"{self.cause} was acknowledged{by}",
            "checked": "its gain was checked",
        }[self.event]
        why = one_line(self.reason)
        return f"{self.time}  {self.partition}  version {self.version}: {what}: {why}"

    def same_as(self, other: Event) -> bool:
        """Whether both say it of the same week: said twice, it is one line."""
        mine, theirs = ((line.event, line.partition, line.version, line.cause) for line in (self, other))
        return mine == theirs


@dataclass(frozen=True)
class History:
    """The decisions about one use case's champion."""

    path: Place

    @classmethod
    def of(cls, settings: Settings, use_case: str) -> History:
        """The history of a use case, which may be empty."""
        return cls(settings.data / use_case / "promotions.jsonl")

    def read(self) -> list[Decision]:
        """Every decision, oldest first.

        Raises:
            TableCorrupt: a line is damaged.
        """
        return [line for line in self.lines() if isinstance(line, Decision)]

    def events(self) -> list[Event]:
        """Everything else that was said, oldest first.

        Raises:
            TableCorrupt: a line is damaged.
        """
        return [line for line in self.lines() if isinstance(line, Event)]

    def lines(self) -> list[Decision | Event]:
        """Every line, oldest first.

        Raises:
            TableCorrupt: a line is damaged.
        """
        try:
            return _lines(places.at(self.path).read(), self.path)
        except FileNotFoundError:
            return []

    def changes(self) -> list[Decision]:
        """The decisions by which the champion became another one, or none, oldest first."""
        return [line for line in self.read() if line.decision != "kept"]

    @property
    def champion(self) -> str | None:
        """The version that is champion now, if any."""
        return _champion(self.read())

    def on(self, morning: date) -> Decision | None:
        """The decision that holds for what is due on a morning, or at a moment (naive, of UTC); None before
        the first.
        """
        moment = morning if isinstance(morning, datetime) else datetime.combine(morning, time())
        return next((line for line in reversed(self.changes()) if line.moment <= moment), None)

    def at(self, moment: datetime) -> Decision | None:
        """The decision that held at a moment; None before the first."""
        return next((line for line in reversed(self.changes()) if line.held_from <= moment), None)

    @contextmanager
    def deciding(self) -> Iterator[None]:
        """Let nobody else decide meanwhile: what is read within is still so when the decision is appended.

        Raises:
            TryAgain: somebody else has been deciding for a minute.
        """
        busy = f"{self.path.parent.name}: somebody else has been deciding about the champion for {WAIT} s"
        with places.at(self.path.parent / f"{self.path.stem}.lock").one_writer(WAIT, busy):
            yield

    def append(self, decided: Decision) -> None:
        """Write a decision down, for good before this returns, unless it has been made already.

        Only while `deciding`.

        Raises:
            TryAgain: the champion is another one than the decision has met: in a bucket, others may decide
                meanwhile.
        """

        def appended(before: bytes | None) -> bytes | None:
            known = _decisions([] if before is None else _lines(before, self.path))
            latest = [line for line in known if line.version == decided.version][-1:]
            champion = _champion(known)
            if latest and (
                latest[0].same_as(decided) if decided.decision == "kept" else champion == decided.champion
            ):
                return None
            if champion != decided.previous:
                raise TryAgain(
                    f"somebody else has decided meanwhile: the champion was {decided.previous or 'none'},"
                    f" and is {champion or 'none'} now",
                    where=self.path.parent.name,
                    fix="decide again; nothing was written down",
                )
            return _with_line(before, decided)

        places.at(self.path).rewrite(appended)

    def note(self, event: Event) -> None:
        """Write down what changes no champion, for good before this returns, unless it stands there already.

        Only while `deciding`.
        """

        def noted(before: bytes | None) -> bytes | None:
            known = [] if before is None else _lines(before, self.path)
            if any(isinstance(line, Event) and line.same_as(event) for line in known):
                return None
            return _with_line(before, event)

        places.at(self.path).rewrite(noted)


def _with_line(before: bytes | None, line: Decision | Event) -> bytes:
    """A new file in the place of the old one: whoever reads or is killed meanwhile finds whole lines only."""
    ended = before if not before or before.endswith(b"\n") else before + b"\n"
    told = {name: value for name, value in asdict(line).items() if (name, value) != ("holds_from", None)}
    return (ended or b"") + json.dumps(told, sort_keys=True, allow_nan=False).encode() + b"\n"


def _lines(content: bytes, path: Place) -> list[Decision | Event]:
    if not content:  # it is made with its first line
        raise kept.corrupt(path, "it is empty", WAY_OUT)
    return [_line(line, number, path) for number, line in enumerate(content.splitlines(), start=1)]


def _line(line: bytes, number: int, path: Place) -> Decision | Event:
    """One line. A damaged history decides nothing: without a line, another version would have been champion,
    and nobody would know.
    """
    place = f"{path}, line {number},"
    if "event" in kept.mapping(line, place, WAY_OUT):
        return kept.read(Event, line, place, WAY_OUT)
    found = kept.read(Decision, line, place, WAY_OUT)
    try:
        _ = found.since, found.held_from
    except (ValueError, BadInput) as error:
        raise kept.corrupt(place, str(error), WAY_OUT) from None
    return found


def _decisions(lines: Sequence[Decision | Event]) -> list[Decision]:
    return [line for line in lines if isinstance(line, Decision)]


def _champion(lines: Sequence[Decision]) -> str | None:
    changes = [line for line in lines if line.decision != "kept"]
    return changes[-1].champion if changes else None
