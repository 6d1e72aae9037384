"""Texts in other encodings than UTF-8: made UTF-8 once, block by block, or refused with the line and what is
likely.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise
from pathlib import Path
from typing import get_args

from pipelines.core.config import Encoding
from pipelines.core.errors import BadInput, brief
from pipelines.sources.compressed import broken

ENCODINGS: tuple[str, ...] = get_args(Encoding)
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
# No text has these signs, but in Windows' own tables quotes, dashes and the euro stand in their place.
_CONTROLS = re.compile("[\x80-\x9f]")
_ISO = ("latin-1", "iso-8859-15")
_MANY_BYTES = ("utf-", "cp932", "gb18030")
# scores of how likely an encoding is: what is valid UTF-8 is; letters of two scripts in a word
_SURELY, _STRANGE = (1e9, 1.5)
_SAMPLE = 4_096  # bytes around a mistake
_UTF_16_AT_LEAST = (
    0.2  # of the bytes at even, or at odd places are zeros: any text has blanks, digits, separators
)


def utf8(blocks: Iterable[bytes], encoding: str, path: Path, *, hidden: bool) -> Iterator[bytes]:
    """A text's blocks in UTF-8, without a byte order mark.

    Raises:
        BadInput: it is not of that encoding; unless `hidden`, the line is shown as it would read in the
            likeliest two.
    """
    rest = iter(blocks)
    first = next(rest, b"")
    declared, encoding = encoding, _with_order(first, encoding, path)
    decoder, doubt = codecs.getincrementaldecoder(encoding)(), _Doubt(encoding)
    lines, begun = 1, False
    for block in chain((first,), rest, (b"",)):
        try:
            text = decoder.decode(block, final=not block)
            if encoding in _ISO and (found := _CONTROLS.search(text)):
                raise UnicodeDecodeError(encoding, block, found.start(), found.end(), "a control character")
        except UnicodeDecodeError as error:
            before, wrong = error.object[: error.start], error.object[error.start :]
            line = lines + before.decode(encoding, "ignore").count("\n")
            if not block:
                raise broken(path, f"line {line} ends within a sign, as if the file were cut off") from None
            raise _refusal(path, declared, line, before, wrong, hidden=hidden) from None
        doubt.see(block)
        if not begun and text:
            text, begun = text.removeprefix("\ufeff"), True
        lines += text.count("\n")
        yield text.encode()
    if doubt.is_utf8:
        raise BadInput(
            f"{path.name} is not {declared} text: each sign beyond ASCII is one of utf-8",
            at=path,
            fix="source.format.encoding: utf-8",
        )


class _Doubt:
    """Whether a text is UTF-8 after all, where it is said to be of one byte a sign: any bytes can be read as
    that.
    """

    def __init__(self, encoding: str) -> None:
        self.decoder = None if encoding.startswith(_MANY_BYTES) else codecs.getincrementaldecoder("utf-8")()
        self.beyond_ascii = False

    def see(self, block: bytes) -> None:
        """Look at the next block; an empty one is the end."""
        if self.decoder is None:
            return
        self.beyond_ascii = self.beyond_ascii or not block.isascii()
        try:
            self.decoder.decode(block, final=not block)
        except UnicodeDecodeError:
            self.decoder = None

    @property
    def is_utf8(self) -> bool:
        """What was seen of all blocks."""
        return self.decoder is not None and self.beyond_ascii


def refuse_utf16(text: Path, of: Path) -> None:
    """Make sure that what is to be read as UTF-8 is no UTF-16, which is valid UTF-8 with many zeros.

    Raises:
        BadInput: it looks like that.
    """
    with text.open("rb") as file:
        order = _order_of(file.read(_SAMPLE))
    if order:
        raise BadInput(
            f"{of.name} cannot be read as csv: it is not utf-8 text, but looks like {order}",
            at=of,
            fix=f"source.format.encoding: utf-16 or {order} (likeliest)",
        )


def likeliest(sample: bytes, but: str = "") -> tuple[str, ...]:
    """The two encodings that make most sense of a text, of those that can be declared.

    Each reads it otherwise.
    """
    if order := _order_of(sample):
        return ("utf-16", order)
    found: dict[str, tuple[float, str]] = {}
    for encoding in ENCODINGS:
        if encoding == but or encoding.startswith("utf-16"):
            continue
        try:
            text = _read(sample, encoding)
        except UnicodeDecodeError:
            continue
        if text not in {other for _, other in found.values()}:
            found[encoding] = (_SURELY if encoding == "utf-8" else _sense(text), text)
    return tuple(sorted(found, key=lambda encoding: -found[encoding][0])[:2])


def is_utf16(sample: bytes) -> bool:
    """Whether bytes that are read as UTF-8 look like UTF-16."""
    return _order_of(sample) is not None


def _with_order(first: bytes, encoding: str, path: Path) -> str:
    """The encoding with its order of bytes: by the mark at the beginning, else by where the zeros are."""
    marked = next((order for mark, order in _MARKS.items() if first.startswith(mark)), None)
    if marked and marked != encoding and (encoding != "utf-16" or marked == "utf-8"):
        raise BadInput(
            f"{path.name} is not {encoding} text: its byte order mark says {marked}",
            at=path,
            fix=f"source.format.encoding: {'utf-8' if marked == 'utf-8' else 'utf-16'}",
        )
    if encoding != "utf-16":
        return encoding
    order = marked or _order_of(first[:_SAMPLE])
    if order is None and first:
        raise BadInput(
            f"{path.name} is not utf-16 text: it has no byte order mark, and looks like neither order",
            at=path,
            fix=(
                f"source.format.encoding: {' or '.join(likeliest(first[:_SAMPLE])) or 'another one'}"
                " (likeliest)"
            ),
        )
    return order or "utf-16-le"


def _order_of(sample: bytes) -> str | None:
    marked = next((order for mark, order in _MARKS.items() if sample.startswith(mark)), None)
    if marked and marked != "utf-8":
        return marked
    half = max(len(sample) // 2, 1)
    even, odd = sample[::2].count(0) / half, sample[1::2].count(0) / half
    if max(even, odd) < _UTF_16_AT_LEAST or min(even, odd) * 4 > max(even, odd):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _refusal(path: Path, encoding: str, line: int, before: bytes, wrong: bytes, *, hidden: bool) -> BadInput:
    around = before[before.rfind(b"\n") + 1 :][-_SAMPLE:] + wrong[:_SAMPLE].split(b"\n", 1)[0]
    utf_16 = _order_of(before[:_SAMPLE] + wrong[:_SAMPLE])
    likely = ("utf-16", utf_16) if utf_16 else likeliest(around, encoding)
    shown = (
        []
        if hidden or utf_16
        else [f"as {name} it is {brief(_read(around, name).strip())}" for name in likely]
    )
    return BadInput(
        f"{path.name} cannot be read as csv",
        details=[
            f"line {line}: not {encoding} text; save the file as UTF-8, or say in source.format which"
            " encoding it has",
            *shown,
        ],
        at=path,
        fix=(
            f"source.format.encoding: {' or '.join(likely) or 'another one'} (likeliest); or correct the file"
        ),
    )


def _read(sample: bytes, encoding: str) -> str:
    return codecs.getincrementaldecoder(encoding)().decode(sample)  # it may end within a sign


def _sense(text: str) -> float:
    """How much a text looks like words: letters among their like, not signs, and no capitals inside."""
    score = 0.0
    for last, sign in pairwise(f" {text}"):
        if not sign.isascii():
            score += _of_sign(sign, last)
        elif not last.isascii() and sign.isalpha() and last.isalpha() and not _is_latin(last):
            score -= _STRANGE
    return score


def _of_sign(sign: str, last: str) -> float:
    kind = unicodedata.category(sign)
    if kind == "Lo":  # most are of two bytes, which would be two signs elsewhere
        score = 2.0 if unicodedata.east_asian_width(sign) == "W" else 0.5
    else:
        score = {"Ll": 1.0, "Lu": 0.7, "Sc": 0.7, "Pd": 0.7, "Pi": 0.7, "Pf": 0.7}.get(kind, -1.0)
    if kind == "Lu" and last.islower():
        score -= 1
    if last.isalpha() and kind[0] == "L":
        if last.isascii() and not _is_latin(sign):
            score -= _STRANGE
        elif not last.isascii() and _is_latin(sign):
            score -= 0.5  # a word of nothing but accents
    return score


def _is_latin(sign: str) -> bool:
    return unicodedata.name(sign, "").startswith("LATIN")
