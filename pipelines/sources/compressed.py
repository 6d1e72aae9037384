"""Compressed files: what is read of them is proven, to the last frame and checksum, before anybody reads a
row of it.

A .gz carries a checksum and a length in each member. A .zst carries a checksum where its writer has asked for
one, as `zstd` does; one without can be proven to its last frame only, and a flipped bit that decodes is not
seen.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa

from pipelines.core.errors import BadInput

# How files begin that are read; a .zst may begin with a frame that is to be skipped.
READ = {
    ".gz": (b"\x1f\x8b",),
    ".zst": (b"\x28\xb5\x2f\xfd", *(bytes([0x50 + n]) + b"\x2a\x4d\x18" for n in range(16))),
}
_NOT_READ = (
    ".bz2",
    ".xz",
    ".lzma",
    ".lz4",
    ".br",
    ".sz",
    ".z",
    ".7z",
    ".rar",
    ".zip",
    ".tar",
    ".tgz",
    ".tbz2",
    ".snappy",
    ".deflate",
    ".lzo",
)
# How files begin that are often delivered under a name which says something else.
_BEGINNINGS = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"PK\x03\x04": "a zip archive, or a workbook (.xlsx)",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"\xd0\xcf\x11\xe0": "a workbook (.xls)",
    b"PAR1": "Parquet",
    b"ORC": "ORC",
    b"Obj\x01": "Avro",
    b"SQLite format 3\0": "a database of SQLite",
    b"%PDF": "PDF",
    b"ARROW1\0\0": "Arrow (Feather)",
    b"$FL2": "a file of SPSS",
    b"\xff\xfe\0\0": "text in UTF-32",
    b"\0\0\xfe\xff": "text in UTF-32",
    b"version https://git-lfs": "a pointer of Git LFS, whose content was not fetched",
}
# Pages that servers send instead of a file, by how they begin in small letters.
_PAGES = {
    b"<!doctype html": "a page of HTML",
    b"<html": "a page of HTML",
    b"<table": "a page of HTML",
    b"<?xml": "XML",
    b"<error": "XML",
}
_TAR = (257, b"ustar")  # where it says so
CHUNK = 1 << 20
_LOOKED_AT = 512  # bytes
AGAIN = "have it delivered again; nothing of it is published"


def is_packed(path: Path) -> bool:
    """Whether a file's name says that it is compressed, in a way that is read."""
    return path.suffix.lower() in READ


def refuse_other(path: Path, format: str) -> None:
    """Look at a file's name and its first bytes.

    Raises:
        BadInput: it is compressed in a way that is not read, or is something else than its name and format
            say.
    """
    if path.suffix.lower() in _NOT_READ:
        raise BadInput(
            f"{path.name} is not read: of compressed files, those named {' and '.join(READ)} are",
            at=path,
            fix="have it delivered so, or uncompressed; Parquet is compressed inside",
        )
    with path.open("rb") as file:
        first = file.read(_LOOKED_AT)
    if is_packed(path):
        _refuse_unpacked(path, first)
    else:
        _refuse_content(path, first, format)


def refuse_content(text: Path, path: Path, format: str) -> None:
    """Look at the first bytes of what was in a compressed file.

    Raises:
        BadInput: it is something else than the format says.
    """
    with text.open("rb") as file:
        _refuse_content(path, file.read(_LOOKED_AT), format)


def _refuse_content(path: Path, first: bytes, format: str) -> None:
    found = _what(first)
    if found and not (format == "parquet" and found == "Parquet"):
        named = {"gzip": "name it .gz, or ", "zstd": "name it .zst, or "}.get(found, "")
        raise BadInput(
            f"{path.name} cannot be read as {format}: by its first bytes it is {found}",
            at=path,
            fix=f"{named}correct source.path, or source.format (csv, jsonl, json or parquet)",
        )


def _refuse_unpacked(path: Path, first: bytes) -> None:
    if not first:
        raise broken(path, "it is empty, not even the beginning of a compressed file")
    named = path.suffix.lower()
    if not any(begins.startswith(first[: len(begins)]) for begins in READ[named]):
        found = _what(first)
        raise BadInput(
            f"{path.name} is not compressed as its name"
            f" says{f': by its first bytes it is {found}' if found else ''}",
            at=path,
            fix=f"name it {'as what it is' if found else f'without {named}'}, or have it delivered again",
        )


def _what(first: bytes) -> str | None:
    if first[_TAR[0] :].startswith(_TAR[1]):
        return "a tar archive"
    begun = first.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    page = next((what for begins, what in _PAGES.items() if begun.startswith(begins)), None)
    return page or next((what for begins, what in _BEGINNINGS.items() if first.startswith(begins)), None)


def blocks(path: Path) -> Iterator[bytes]:
    """A file's content, unpacked as its name says; the last block comes only if all of them are proven.

    Raises:
        BadInput: it is cut off, damaged, or goes on after its end.
    """
    try:
        with _open(path) as stream:
            while block := stream.read(CHUNK):
                yield block
    except (EOFError, zlib.error, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's own error
        raise broken(path, _why(str(error), path.stat().st_size)) from error


def broken(path: Path, why: str) -> BadInput:
    """What is said of a file that did not arrive as it was sent."""
    return BadInput(f"{path.name} is a broken delivery: {why}", at=path, fix=AGAIN)


def _open(path: Path) -> IO[bytes]:
    match path.suffix.lower():
        case ".gz":
            # several members, and zeros after them as tape and tar leave, are in order
            return cast("IO[bytes]", gzip.open(path))
        case ".zst":
            found: Any = pa.input_stream(path, compression="zstd")
            return cast("IO[bytes]", found)
        case _:
            return path.open("rb")


def _why(said: str, size: int) -> str:
    if "end-of-stream" in said or "Truncated" in said:
        return f"it is cut off: its {size:,} bytes end in the middle of its content"
    if "CRC" in said or "checksum" in said or "Incorrect length" in said:
        return "its checksum is not that of its content"
    if "too much memory" in said:
        return (
            "it is packed with a window that is larger than is read: have it packed without --long or --ultra"
        )
    if "Not a gzipped file" in said or "Unknown frame descriptor" in said:
        return "what follows after the end of its content is no compressed data"
    return f"its compressed data are damaged ({said})"
