"""What goes wrong, as objects: what was found, what is allowed, where, and the way out."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice
from typing import Any, TypedDict, Unpack
from unicodedata import normalize

from pipelines.core import rendered
from pipelines.core.rendered import MAX_LINES, Json, Parts

LONGEST_QUOTE = 80
MOST_WORDS = 12
MOST_DETAILS = 300  # of more, nobody reads the words: they are only counted
OURS = "this is a mistake of Sluice's own: report it with this message"


class Rest(TypedDict, total=False):
    """The parts of an error beside what was found and the way out; see `Parts`."""

    where: object
    allowed: str
    details: Iterable[object]
    in_all: int
    at: object


class SluiceError(Exception):
    """A mistake that its parts explain completely: shown without a stack trace, never retried.

    Everything that trying again could mend (a network that is down for a minute) is a `TryAgain`.

    Args:
        found: What was found, a sentence.
        fix: The way out.
        rest: Where (`where`: a file, line, partition, column; `at`: the whole path, where the sentence has
            only a name), what is `allowed`, and `details`, of which the first are shown; `in_all` says how
            many there are where not all are given.
    """

    def __init__(self, found: str, *, fix: str, report: str | None = None, **rest: Unpack[Rest]) -> None:
        super().__init__(found)
        details = iter(rest.get("details", ()))
        first = tuple(str(line) for line in islice(details, MOST_DETAILS))
        self.parts = Parts(
            found=found,
            fix=fix,
            where=_text(rest.get("where")),
            allowed=rest.get("allowed"),
            details=first,
            in_all=max(rest.get("in_all", 0), len(first) + sum(1 for _ in details)),
            at=_text(rest.get("at")),
            report=report,
        )

    def __str__(self) -> str:
        """All of it, in ten lines at most."""
        return rendered.text(self.parts)

    def __reduce__(self) -> tuple[Any, ...]:
        """As it is, with all its parts, in another process."""
        return _again, (type(self), self.args), self.__dict__

    @property
    def sentence(self) -> str:
        """What was found where, and what is allowed: one line, for a message that tells more."""
        return self.parts.sentence

    @property
    def reason(self) -> str:
        """The last of its details, or its sentence if it has none."""
        return self.parts.details[-1] if self.parts.details else self.sentence

    def as_json(self) -> dict[str, Json]:
        """Its kind and its parts, for a program."""
        return {"kind": type(self).__name__, **rendered.as_json(self.parts)}


def _text(place: object) -> str | None:
    return None if place is None else str(place)


def _again(kind: type[SluiceError], said: tuple[object, ...]) -> SluiceError:
    error = kind.__new__(kind, *said)
    error.args = said
    return error


class TryAgain(SluiceError):
    """A failure outside of Sluice that may be gone in a minute: the one kind of error that Airflow
    retries.
    """

    def __init__(self, found: str, *, fix: str = "run it again later", **rest: Unpack[Rest]) -> None:
        super().__init__(found, fix=fix, **rest)


class BadUseCase(SluiceError):
    """The use-case file says something that cannot be.

    `mistakes` are lines of the file with a sentence each: the first of them, where there are very many.
    """

    def __init__(
        self,
        found: str,
        mistakes: Iterable[tuple[int, str]] = (),
        *,
        fix: str,
        **rest: Unpack[Rest],
    ) -> None:
        super().__init__(found, fix=fix, **rest)
        self.mistakes = tuple(mistakes)


class BadInput(SluiceError):
    """The data are not what the use case declares."""


class TableMissing(SluiceError):
    """A step asked for a table that no earlier step has published."""


class TableCorrupt(SluiceError):
    """A published part is not the bytes that its manifest promises."""


class NoChampion(SluiceError):
    """Scoring or drift needs a champion and the registry has none."""


class GateClosed(SluiceError):
    """A table failed its gate: nothing behind the gate may run. `report` is the gate's page, a path below the
    data root.

    `failed` tells how many expectations closed it, `gate` which one it is, where one has judged.
    """

    def __init__(
        self,
        found: str,
        report: str | None = None,
        failed: int = 0,
        *,
        gate: str = "",
        fix: str,
        **rest: Unpack[Rest],
    ) -> None:
        super().__init__(found, fix=fix, report=report, **rest)
        self.report = report
        self.failed = failed
        self.gate = gate


class GateOpen(SluiceError):
    """The self-test found a gate that does not bite, or one that closes on good data."""


def listed(lines: Iterable[str], most: int = MAX_LINES - 3) -> str:
    """Join lines as a bulleted list that stays short: the first `most`, then how many more there are.

    By default there is room for a heading above the list and a way out below it.
    """
    every = list(lines)
    shown = [f"  - {line}" for line in every[:most]]
    if len(every) > most:
        shown.append(f"  ... and {len(every) - most} more")
    return "\n".join(shown)


def brief(value: object) -> str:
    """What somebody has written, as a message quotes it: in one line, and cut where it is long."""
    text = repr(value)
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}... ({len(text):,} characters)"


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """Say which known word the wrong one is nearest to, or which words there are: the tail of an error
    message.
    """
    words = sorted(set(known))
    if not words:
        return "there is none at all"
    near = get_close_matches(wrong, words, n=1, cutoff=0.6)
    if near and normalize("NFC", near[0]) == normalize("NFC", wrong):
        return (
            f"did you mean {near[0]!a}, which looks the same, and is written by other signs than {wrong!a}?"
        )
    if near:
        return f"did you mean {brief(near[0])}?"
    shown = [
        word if word.isprintable() and len(word) <= LONGEST_QUOTE else brief(word)
        for word in words[:MOST_WORDS]
    ]
    return f"known: {', '.join(shown)}{', ...' if len(words) > MOST_WORDS else ''}"
