"""Texts in other encodings than UTF-8: made UTF-8 once, block by block, or refused with the line and what is likely."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import get_args

from pipelines.config import Encoding
from pipelines.errors import BadInput, brief

ENCODINGS: tuple[str, ...] = get_args(Encoding)
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
# No text has these signs, but in Windows' own tables quotes, dashes and the euro stand in their place.
_CONTROLS = re.compile("[\x80-\x9f]")
_ISO = ("latin-1", "iso-8859-15")
_ASCII = 128
_SAMPLE = 4_096  # bytes around a mistake
_UTF_16_AT_LEAST = 0.2  # of the bytes at even, or at odd places are zeros: any text has blanks, digits, separators


def utf8(blocks: Iterable[bytes], encoding: str, path: Path, *, hidden: bool) -> Iterator[bytes]:
    """A text's blocks in UTF-8, without a byte order mark.

    Raises:
        BadInput: it is not of that encoding; unless `hidden`, the line is shown as it would read in the likeliest two.
    """
    rest = iter(blocks)
    first = next(rest, b"")
    declared, encoding = encoding, _with_order(first, encoding, path)
    decoder = codecs.getincrementaldecoder(encoding)()
    lines, begun = 1, False
    for block, final in chain(((block, False) for block in chain((first,), rest)), [(b"", True)]):
        try:
            text = decoder.decode(block, final)
            if encoding in _ISO and (found := _CONTROLS.search(text)):
                at = found.start()
                raise UnicodeDecodeError(encoding, block, at, at + 1, "a control character")
        except UnicodeDecodeError as error:
            before, wrong = error.object[: error.start], error.object[error.start :]
            line = lines + before.decode(encoding, "ignore").count("\n")
            raise _refusal(path, declared, line, before, wrong, hidden=hidden) from None
        if not begun and text:
            text, begun = text.removeprefix("\ufeff"), True
        lines += text.count("\n")
        yield text.encode()


def likeliest(sample: bytes, but: str = "") -> tuple[str, ...]:
    """The two encodings that make most sense of a text, of those that can be declared; each reads it otherwise."""
    if order := _order_of(sample):
        return ("utf-16", order)
    found: dict[str, tuple[float, str]] = {}
    for encoding in ENCODINGS:
        if encoding in (but, "utf-8") or encoding.startswith("utf-16"):
            continue
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(sample)  # it may end within a sign
        except UnicodeDecodeError:
            continue
        if text not in {other for _, other in found.values()}:
            found[encoding] = (_sense(text), text)
    return tuple(sorted(found, key=lambda encoding: -found[encoding][0])[:2])


def is_utf16(sample: bytes) -> bool:
    """Whether bytes that are read as UTF-8 look like UTF-16."""
    return _order_of(sample) is not None


def _with_order(first: bytes, encoding: str, path: Path) -> str:
    """The encoding with its order of bytes: by the mark at the beginning, else by where the zeros are."""
    marked = next((order for mark, order in _MARKS.items() if first.startswith(mark)), None)
    if not encoding.startswith("utf-16"):
        return encoding
    order = marked or (_order_of(first[:_SAMPLE]) if encoding == "utf-16" else encoding)
    if order == "utf-8" or encoding not in ("utf-16", order):
        raise BadInput(
            f"{path.name} is not {encoding} text: its byte order mark says {order}\n  at: {path}\n"
            f"  way out: source.format.encoding: {'utf-8' if order == 'utf-8' else 'utf-16'}"
        )
    if order is None and first:
        raise BadInput(
            f"{path.name} is not utf-16 text: it has no byte order mark, and looks like neither order\n  at: {path}\n"
            f"  way out: source.format.encoding: likeliest {' or '.join(likeliest(first[:_SAMPLE])) or 'utf-8'}"
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
    likely = ("utf-16", utf_16) if utf_16 else likeliest(around or wrong[:1], encoding)
    shown = "" if hidden else "".join(f"  as {name} it is {brief(_read(around, name))}\n" for name in likely if not utf_16)
    return BadInput(
        f"{path.name} cannot be read as csv\n"
        f"  - line {line}: not {encoding} text; save the file as UTF-8, or say in source.format which encoding it has\n{shown}"
        f"  at: {path}\n  way out: source.format.encoding: {' or '.join(likely) or 'another one'} (likeliest); or correct the file"
    )


def _read(line: bytes, encoding: str) -> str:
    return codecs.getincrementaldecoder(encoding)().decode(line).strip()


def _sense(text: str) -> float:
    """How much a text looks like words: letters among their like, not signs, and no capitals inside."""
    score, last = 0.0, " "
    for sign in text:
        if ord(sign) >= _ASCII:
            kind = unicodedata.category(sign)
            score += 1.0 if kind in ("Ll", "Lo") else 0.7 if kind in ("Lu", "Sc", "Pd", "Pi", "Pf") else -1.0
            score -= kind == "Lu" and last.islower()
            score -= 1.5 * (kind[0] == "L" and last.isascii() and last.isalpha() and not _is_latin(sign))
        elif sign.isalpha() and ord(last) >= _ASCII and last.isalpha() and not _is_latin(last):
            score -= 1.5
        last = sign
    return score


def _is_latin(sign: str) -> bool:
    return unicodedata.name(sign, "").startswith("LATIN")
