"""Zip archives of a public file: `source.member` is the file's name in it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from zipfile import ZipFile, ZipInfo

CONTENT = b"id,at\na,2026-02-01\n"
MEMBER = "rows.csv"


@dataclass(frozen=True)
class Archive:
    """An archive, and with which line it is refused; without one, its member is `CONTENT`."""

    title: str
    packed: bytes
    member: str = MEMBER
    says: str = ""


def packed(**members: bytes) -> bytes:
    """An archive of these members, `_` standing for the point in their names, that is stored as it is."""
    sink = io.BytesIO()
    with ZipFile(sink, "w") as archive:
        for name, content in members.items():
            archive.writestr(ZipInfo(name.replace("_", ".")), content)
    return sink.getvalue()


WHOLE = packed(rows_csv=CONTENT)
_CENTRAL = b"PK\x01\x02\x14\x03\x14\x00\x00"
_METHOD = (b"\0\0\0\0\0\0!\0", b"\0\0\x09\0\0\0!\0")
_AT = "http://there/rows.zip"
DAMAGED = f"{_AT} is a broken delivery: '{MEMBER}' is damaged in it: "

ARCHIVES: Sequence[Archive] = (
    Archive("a member of a zip", packed(other_txt=b"x", rows_csv=CONTENT)),
    Archive("a member of a zip within a zip", packed(inner_zip=WHOLE), f"inner.zip/{MEMBER}"),
    Archive("a name that the archive has not", WHOLE, "row.csv", f"{_AT} holds no 'row.csv': did you mean 'rows.csv'?"),
    Archive("a member whose checksum is another", WHOLE.replace(CONTENT, CONTENT[:-1] + b"?"), says=f"{DAMAGED}Bad CRC-32 for file '{MEMBER}'"),
    Archive("half of an archive", WHOLE[: len(WHOLE) // 2], says=f"{DAMAGED}File is not a zip file"),
    Archive("a member with a password", WHOLE.replace(_CENTRAL, _CENTRAL[:-1] + b"\x01"), says=f"{_AT}: '{MEMBER}' needs a password"),
    Archive("a member that is packed in another way than by deflate", WHOLE.replace(*_METHOD), says=f"{_AT}: '{MEMBER}' is packed in a way that is not read: That compression method is not supported"),
    Archive("text that is called .zip", CONTENT, says=f"{_AT} is no zip archive: File is not a zip file"),
)  # fmt: skip
