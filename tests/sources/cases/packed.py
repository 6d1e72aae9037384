"""Compressed files, whole and not."""

from __future__ import annotations

import gzip
from base64 import b64decode

from tests.sources.cases import Deliveries, Delivery
from tests.sources.cases.lines import ONE
from tests.sources.delivered import packed

CONTENT = b"id,n,x,note\na,1,2,x\n"
JSON = b'{"id": "a", "n": 1, "x": 2, "note": "x"}\n'
GZ, JSON_GZ = gzip.compress(CONTENT, mtime=0), gzip.compress(JSON, mtime=0)
PLAIN_ZST, JSON_ZST = packed(CONTENT, ".zst"), packed(JSON, ".zst")
# `zstd --check` of the content: Arrow writes no checksum.
ZST = b64decode("KLUv/QRYoQAAaWQsbix4LG5vdGUKYSwxLDIseAr/uKCJ")
# A frame whose window is of 2 GB: `zstd --long=31`.
WIDE_ZST = b"\x28\xb5\x2f\xfd\x00\xa8" + PLAIN_ZST[6:]

CUT = "{} is a broken delivery: it is cut off: its {} bytes end in the middle of its content"
CHECKSUM = "{} is a broken delivery: its checksum is not that of its content"
AFTER = "{} is a broken delivery: what follows after the end of its content is no compressed data"


def read(title: str, name: str, content: bytes) -> Delivery:
    return Delivery(title, content, ONE, name=name)


def refused(title: str, name: str, content: bytes, says: str) -> Delivery:
    return Delivery(title, content, says=(says.format(name, len(content)),), name=name)


COMPRESSED = Deliveries(
    (
        read("gzip, also of several members", "d.csv.gz", gzip.compress(CONTENT[:15]) + gzip.compress(CONTENT[15:])),
        read("gzip, and zeros behind it, as tar leaves them", "d.csv.gz", GZ + bytes(512)),
        read("Zstandard", "d.csv.zst", ZST),
        refused("half of a .gz", "d.csv.gz", GZ[: len(GZ) // 2], CUT),
        refused("a .gz without its checksum", "d.csv.gz", GZ[:-8], CUT),
        refused("a .gz with another checksum, or a flipped bit", "d.csv.gz", GZ[:-8] + b"\0\0\0\0" + GZ[-4:], CHECKSUM),
        refused("a .zst of which the last byte is missing", "d.csv.zst", ZST[:-1], CUT),
        refused("plain text that is called .gz", "d.csv.gz", CONTENT, "d.csv.gz is not compressed as its name says"),
        refused("a page that says why there is no file", "d.csv", b"<!DOCTYPE html>\n<title>404</title>", "d.csv cannot be read as csv: by its first bytes it is a page of HTML"),
        refused("a workbook that is called .csv", "d.csv", b"PK\x03\x04 and so on", "d.csv cannot be read as csv: by its first bytes it is a zip archive, or a workbook (.xlsx)"),
        refused("other compression: .bz2, .xz, .zip, ...", "d.csv.bz2", b"BZh9", "d.csv.bz2 is not read: of compressed files, those named .gz and .zst are"),
    ),
    (
        *(
            refused(f"{what}, called .csv", "d.csv", content, f"d.csv cannot be read as csv: by its first bytes it is {what}")
            for what, content in {
                "XML": b"\xef\xbb\xbf\n<?xml version='1.0'?>",
                "a pointer of Git LFS, whose content was not fetched": b"version https://git-lfs.github.com/spec/v1\n",
                "Arrow (Feather)": b"ARROW1\0\0",
                "text in UTF-32": "id".encode("utf-32"),
            }.items()
        ),
        refused("a tar archive under gzip", "d.csv.gz", gzip.compress(b"rows.csv" + bytes(249) + b"ustar"), "d.csv.gz cannot be read as csv: by its first bytes it is a tar archive"),
        refused("gzip under gzip", "d.csv.gz", gzip.compress(GZ), "d.csv.gz cannot be read as csv: by its first bytes it is gzip"),
        refused("Zstandard with a window that is too large", "d.csv.zst", WIDE_ZST, "d.csv.zst is a broken delivery: it is packed with a window that is larger than is read: have it packed without --long or --ultra"),
        refused("gzip that is called .csv", "d.csv", GZ, "d.csv cannot be read as csv: by its first bytes it is gzip"),
        read("JSON lines under Zstandard", "d.jsonl.zst", JSON_ZST),
        refused("a .gz, and other bytes behind it", "d.csv.gz", GZ + b"garbage", AFTER),
        read("gzip", "d.csv.gz", GZ),
        read("JSON lines under gzip", "d.jsonl.gz", JSON_GZ),
        read("Zstandard without a checksum", "d.csv.zst", PLAIN_ZST),
        refused("half of a .zst", "d.csv.zst", ZST[: len(ZST) // 2], CUT),
        refused("half of a .zst without a checksum", "d.csv.zst", PLAIN_ZST[: len(PLAIN_ZST) // 2], CUT),
        refused("a .zst with another checksum", "d.csv.zst", ZST[:-1] + b"\0", CHECKSUM),
        refused("a .zst, and other bytes behind it", "d.csv.zst", ZST + b"garbage", AFTER),
        refused("half of JSON lines under gzip", "d.jsonl.gz", JSON_GZ[: len(JSON_GZ) // 2], CUT),
        refused("half of JSON lines under Zstandard", "d.jsonl.zst", JSON_ZST[:-3], CUT),
        refused("a .gz that is empty", "d.csv.gz", b"", "{} is a broken delivery: it is empty, not even the beginning of a compressed file"),
        refused("a .zst that is empty", "d.csv.zst", b"", "{} is a broken delivery: it is empty, not even the beginning of a compressed file"),
        refused("Zstandard that is called .gz", "d.csv.gz", ZST, "d.csv.gz is not compressed as its name says: by its first bytes it is zstd"),
        refused("a zip archive that is called .parquet", "d.parquet", b"PK\x03\x04", "d.parquet cannot be read as parquet: by its first bytes it is a zip archive, or a workbook (.xlsx)"),
        *(refused(f"a {suffix}", f"d.csv{suffix}", b"x", f"d.csv{suffix} is not read: of compressed files, those named .gz and .zst are") for suffix in (".xz", ".zip", ".lz4", ".7z", ".snappy")),
    ),
)  # fmt: skip
