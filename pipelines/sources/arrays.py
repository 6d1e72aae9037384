"""JSON arrays: one document, `[{...}, ...]`, made lines of JSON once, an object a line, which `jsonl` reads.

The document is proven on the way, from its first bracket to its last: nothing stands before, between or
behind the objects, and none is cut off. One object is in memory at a time, and a block of what follows it.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.core.errors import BadInput
from pipelines.sources.encoded import is_utf16

WAY_OUT = "correct the file, or source.format"
LONGEST = 16_777_216  # characters of an object: what DuckDB reads at most
CHUNK = 1 << 18  # characters that are written at a time
_BLANKS = re.compile(r"[ \t\r\n]*")
# Digits are not looked at here, and there may be thousands of them.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)
_SIMILAR = {
    "{": "it begins with an object, not with an array of them: is it jsonl (source.format.type)? of rows that"
    " stand under a key, `jq -c '.key[]'` writes lines"
}


def lines(blocks: Iterable[bytes], path: Path) -> Iterator[bytes]:
    """The objects of a document, given block by block, as lines of JSON.

    Raises:
        BadInput: it is no array, or none of objects alone; says in which line.
    """
    found: list[str] = []
    weight = 0
    for one in _objects(_Text(iter(blocks), path)):
        found.append(one.replace("\r", " ").replace("\n", " "))  # which no text of JSON may hold as such
        weight += len(one)
        if weight > CHUNK:
            yield _joined(found)
            found, weight = [], 0
    yield _joined(found)


def _joined(found: list[str]) -> bytes:
    return "".join(f"{one}\n" for one in found).encode()


def _objects(text: _Text) -> Iterator[str]:
    first = text.sign()
    if first != "[":
        raise text.refusal(
            _SIMILAR.get(first, "it begins with no array of objects, such as [{...}, {...}]")
            if first
            else "it is empty: an array without rows is []"
        )
    text.at += 1
    if text.sign() == "]":
        text.at += 1
    else:
        yield text.object()
        while text.sign() == ",":
            text.at += 1
            text.sign()
            yield text.object()
        if text.sign() != "]":
            cut = "" if text.sign() else "; is the file cut off?"
            raise text.refusal(f"no comma, and no end of the array{cut}")
        text.at += 1
    if text.sign():
        raise text.refusal("something stands behind the array")


@dataclass
class _Text:
    """A document that is read as far as is needed.

    Attributes:
        blocks: What is still to come.
        path: The file as it was delivered, which messages name.
        held: What has come, and is not left behind.
        at: The place in it.
        number: How many objects have been read.
        line: The line in which `held` begins.
        before: How many signs of that line are left behind.
    """

    blocks: Iterator[bytes]
    path: Path
    held: str = ""
    at: int = 0
    number: int = 0
    line: int = 1
    before: int = 0
    begun: bool = False

    def __post_init__(self) -> None:
        self.decoder = codecs.getincrementaldecoder("utf-8")()

    def sign(self) -> str:
        """The next sign that is no blank; empty at the end."""
        while True:
            found = _BLANKS.match(self.held, self.at)
            self.at = found.end() if found else self.at
            if self.at < len(self.held):
                return self.held[self.at]
            if not self._more():
                return ""

    def object(self) -> str:
        """The object that begins here, as it is written."""
        self.number += 1
        while True:
            try:
                value, end = _DECODER.raw_decode(self.held, self.at)
                if end - self.at > LONGEST:
                    raise self._too_long()
                break
            except RecursionError:
                raise self.refusal("values inside of one another, too deep to be read") from None
            except json.JSONDecodeError as error:
                if len(self.held) - self.at > LONGEST:
                    raise self._too_long() from None
                within = error.pos - self.at
                if not self._more():
                    raise self._half(error, self.at + within) from None
        if not isinstance(value, dict):
            raise self.refusal('not an object of the form {"column": value}')
        found, self.at = self.held[self.at : end], end
        return found

    def _too_long(self) -> BadInput:
        return self.refusal(f"longer than {LONGEST:,} signs, the longest that is read")

    def _half(self, error: json.JSONDecodeError, place: int) -> BadInput:
        at_end = place >= len(self.held.rstrip()) or error.msg.startswith("Unterminated")
        cut = "; is the file cut off?" if at_end else ""
        return self.refusal(error.msg.removesuffix(" at") + cut, place)

    def _more(self) -> bool:
        """Take the next block, and leave behind what has been read; whether there was one."""
        left = self.held[: self.at]
        if lines := left.count("\n"):
            self.line, self.before = self.line + lines, 0
        self.before += len(left) - left.rfind("\n") - 1
        self.held, self.at = self.held[self.at :], 0
        block = next(self.blocks, None)
        if block is not None and not self.begun:
            self._begin(block)
        try:
            self.held += self.decoder.decode(block or b"", final=block is None)
        except UnicodeDecodeError:
            raise self.refusal("not utf-8 text; save the file as UTF-8", len(self.held)) from None
        return block is not None

    def _begin(self, block: bytes) -> None:
        self.begun = True
        if is_utf16(block[:4_096]):
            raise self.refusal("it looks like UTF-16: have it saved as UTF-8, which JSON is written in")
        if block.startswith(codecs.BOM_UTF8):
            raise self.refusal(
                "starts with a byte order mark, which JSON does not allow; save the file without"
            )

    def refusal(self, why: str, at: int | None = None) -> BadInput:
        """What is wrong here, or at another place of what is held."""
        place = self.at if at is None else at
        left = self.held[:place]
        line = self.line + left.count("\n")
        sign = len(left) - left.rfind("\n") + (0 if "\n" in left else self.before)
        of = f"object {self.number}, " if self.number else ""
        return BadInput(
            f"{self.path.name} cannot be read as json",
            details=[f"{of}line {line}, character {sign}: {why}"],
            at=self.path,
            fix=WAY_OUT,
        )
