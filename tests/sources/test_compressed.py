from __future__ import annotations

import gzip
from base64 import b64decode
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.core.errors import BadInput
from pipelines.sources import compressed
from tests.sources.delivered import packed

CONTENT = b"id,n,x,note\n" + b"".join(b"r%d,%d,%d.5,some words of row %d\n" % (n, n, n, n) for n in range(12))
GZ = gzip.compress(CONTENT, mtime=0)
# `zstd -19 --check` of the content: Arrow writes no checksum.
ZST = b64decode(
    "KLUv/QRorQMA0ocVEaDteDN87gHAND3+xe/2jScKy2fuFRfcq9TVVW9KT0+9CB0d9Z7z89NrzM1NbykvL72EnJz0jvHx0ct8PvcKQGODFoFcHSlgL8qbIC4u"
    "etmM8PXwywUNKFCJiXUQMvEvP4QBiFpYAZUcx/EczosffFIGrONdqw=="
)
NAMES = {"a.csv.gz": GZ, "a.csv.zst": ZST}


def read(path: Path, delivered: bytes) -> bytes | None:
    """The content of what was delivered, None if it is refused."""
    path.write_bytes(delivered)
    try:
        compressed.refuse_other(path, "csv")
        return b"".join(compressed.blocks(path))
    except BadInput:
        return None


@pytest.mark.parametrize("name", NAMES)
def test_what_is_whole_is_read(tmp_path: Path, name: str) -> None:
    assert read(tmp_path / name, NAMES[name]) == CONTENT


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_cut_off_anywhere_is_refused(tmp_path: Path, name: str) -> None:
    assert [at for at in range(len(NAMES[name])) if read(tmp_path / name, NAMES[name][:at]) is not None] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_file_with_any_flipped_bit_is_refused_or_reads_the_same(tmp_path: Path, name: str) -> None:
    whole = int.from_bytes(NAMES[name])
    for bit in range(8 * len(NAMES[name])):
        flipped = (whole ^ 1 << bit).to_bytes(len(NAMES[name]))
        assert read(tmp_path / name, flipped) in (None, CONTENT), bit


@settings(max_examples=60, deadline=None)
@given(garbage=st.binary(min_size=1, max_size=20), name=st.sampled_from(sorted(NAMES)))
def test_whatever_follows_the_end_is_refused_unless_it_says_nothing(
    tmp_path_factory: pytest.TempPathFactory, garbage: bytes, name: str
) -> None:
    found = read(tmp_path_factory.mktemp("garbage") / name, NAMES[name] + garbage)
    assert found is None or (found == CONTENT and (not garbage.strip(b"\0") or name.endswith(".zst")))


@pytest.mark.parametrize("name", NAMES)
def test_several_members_one_after_another_are_one_file(tmp_path: Path, name: str) -> None:
    assert read(tmp_path / name, NAMES[name] * 2) == CONTENT * 2


def test_a_zstandard_file_without_a_checksum_is_proven_to_its_last_frame(tmp_path: Path) -> None:
    whole = packed(CONTENT, ".zst")
    assert [at for at in range(len(whole)) if read(tmp_path / "a.csv.zst", whole[:at]) is not None] == []
