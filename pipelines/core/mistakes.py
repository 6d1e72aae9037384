"""All mistakes of one file in few lines: those of a kind stand in one, with all their places, in order of
line.

Where each has room, each has a line. Where not, sentences that differ only in what they quote are told as
one, and then several in a line. Only the tail of very many is counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TypeAlias

LONGEST = 500  # characters of a sentence
ROOM = 5_000  # characters of them all
LONGEST_KIND = 1_400  # characters of all that are told as one
LEAST_ROOM = 150  # characters of one that stands among many
MOST_TOLD = 300  # of more, nobody reads the words: they are only counted

Mistake: TypeAlias = tuple[int, str]  # a line, and a sentence, which starts with the place that it is about

# What differs between mistakes of one kind: words that are quoted, and numbers.
_OWN = re.compile(r"""'[^']*'|"[^"]*"|`[^`]*`|\d[\d.,]*""")
_PLACE = re.compile(r"(\S+): ")


def lines(found: Sequence[Mistake], n: int, most: int) -> tuple[list[str], int]:
    """Mistakes, in order of line, in so many lines at most, and how many are not told.

    Args:
        found: The first of them.
        n: How many there are.
        most: Lines; one fewer where they are told together, which is for how many are not told.
    """
    first = [(line, _printable(text)) for line, text in found[:MOST_TOLD]]
    if n <= most:
        return [_alone(mistake) for mistake in first], 0
    kinds = _kinds(first)
    room = min(max(ROOM // len(kinds), LEAST_ROOM), LONGEST_KIND)
    shown = kinds[: ROOM // room]
    told, counts = zip(*(_together(kind, room) for kind in shown), strict=True)
    return [" | ".join(share) for share in _shared_out(told, most - 1)], n - sum(counts)


def _printable(text: str) -> str:
    # No text of the file may take hold of a terminal, or be none in a database.
    seen = "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in text[: LONGEST + 1]
    )
    return seen if len(seen) <= LONGEST else f"{seen[:LONGEST]}..."


def _alone(mistake: Mistake) -> str:
    return f"line {mistake[0]}: {mistake[1]}"


def _kinds(found: Sequence[Mistake]) -> list[list[Mistake]]:
    kinds: dict[str, list[Mistake]] = {}
    for line, text in found:
        kinds.setdefault(_OWN.sub("'", _place_and_text(text)[1]), []).append((line, text))
    return list(kinds.values())


def _place_and_text(text: str) -> tuple[str, str]:
    """The place, and what is said of it."""
    place = _PLACE.match(text)
    return (place[1], text[place.end() :]) if place else ("", text)


def _together(kind: Sequence[Mistake], room: int) -> tuple[str, int]:
    """Mistakes of a kind in one line, and how many of them have room there."""
    if len(kind) == 1:
        told = _alone(kind[0])
        return (told if len(told) <= room else f"{told[: room - 3]}..."), 1
    counts = range(len(kind), 1, -1) if len(kind) <= 40 else (len(kind), *range(40, 1, -1))
    for count in counts:
        if len(told := _as_one(kind[:count])) <= room:
            return told, count
    return f"{told[: room - 3]}...", count


def _as_one(kind: Sequence[Mistake]) -> str:
    parted = [_place_and_text(text) for _, text in kind]
    places = ", ".join(dict.fromkeys(place for place, _ in parted if place))
    words = [_sentence(own) for own in zip(*(_OWN.findall(said) for _, said in parted), strict=True)]
    said = _OWN.sub(lambda _: words.pop(0), parted[0][1])
    return f"{_lines([line for line, _ in kind])}: {f'{places}: ' if places else ''}{said}"


def _sentence(own: Sequence[str]) -> str:
    """What a kind's sentences have at one place of theirs, in their order."""
    return own[0] if len(set(own)) == 1 else ", ".join(own)


def _lines(numbers: Sequence[int]) -> str:
    """Lines as a person names them: 3, 5-9."""
    spans: list[list[int]] = []
    for number in sorted(set(numbers)):
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    named = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)
    return f"line{'' if named.isdigit() else 's'} {named}"


def _shared_out(told: Sequence[str], most: int) -> Iterator[Sequence[str]]:
    """As many in a line as there have to be, in their order."""
    count = min(most, len(told))
    for number in range(count):
        yield told[number * len(told) // count : (number + 1) * len(told) // count]
