"""What goes wrong, in sentences: what was found, what is allowed, where, and the way out."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from unicodedata import normalize

MAX_LINES = 10
LONGEST_QUOTE = 80
MOST_WORDS = 12


class SluiceError(Exception):
    """A mistake that its message explains completely: shown without a stack trace, never retried.

    Everything that trying again could mend (a network that is down for a minute) is a `TryAgain`.
    """


class TryAgain(SluiceError):
    """A failure outside of Sluice that may be gone in a minute: the one kind of error that Airflow
    retries.
    """


class BadUseCase(SluiceError):
    """The use-case file says something that cannot be.

    `mistakes` are lines of the file with a sentence each: the first of them, where there are very many.
    """

    def __init__(self, message: str, mistakes: Iterable[tuple[int, str]] = ()) -> None:
        super().__init__(message)
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

    `failed` tells how many expectations closed it.
    """

    def __init__(self, message: str, report: str | None = None, failed: int = 0) -> None:
        super().__init__(message)
        self.report = report
        self.failed = failed


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


def meant(wrong: str, known: Iterable[str]) -> str:
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
