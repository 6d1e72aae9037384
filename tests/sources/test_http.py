from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from zipfile import ZipFile, ZipInfo

import pytest

from pipelines.config import HttpSource
from pipelines.errors import BadInput, TryAgain
from pipelines.settings import Settings
from pipelines.sources import http

CONTENT = b"id,at\na,2026-02-01\n"


def zipped(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_", "."), content)
    return packed.getvalue()


ANSWERS = {
    "/plain": (200, CONTENT),
    "/zip": (200, zipped(other_txt=b"x", rows_csv=CONTENT)),
    "/nested": (200, zipped(inner_zip=zipped(rows_csv=CONTENT))),
    "/busy": (503, b""),
}


class Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, content = ANSWERS.get(self.path, (404, b""))
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@contextmanager
def serving() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving() as address:
        yield address


def source(url: str, member: str | None = None, content: bytes = CONTENT) -> HttpSource:
    return HttpSource.model_validate(
        {
            "kind": "http",
            "url": url,
            "member": member,
            "sha256": hashlib.sha256(content).hexdigest(),
            "mirror": "folder/rows.csv",
            "licence": "ours",
            "format": {"type": "csv"},
        }
    )


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(("path", "member"), [("/plain", None), ("/zip", "rows.csv"), ("/nested", "inner.zip/rows.csv")])
def test_a_file_is_downloaded_and_taken_out_of_its_archives(settings: Settings, address: str, path: str, member: str | None) -> None:
    fetched = http.fetch(source(address + path, member), settings)
    assert fetched.read_bytes() == CONTENT
    assert files(settings.cache) == ["folder/rows.csv"]


def test_a_file_in_the_cache_is_not_downloaded_again(settings: Settings) -> None:
    with serving() as address:
        stated = source(f"{address}/plain")
        http.fetch(stated, settings)
    assert http.fetch(stated, settings).read_bytes() == CONTENT


def test_a_spoilt_file_in_the_cache_is_replaced(settings: Settings, address: str) -> None:
    stated = source(f"{address}/plain")
    http.fetch(stated, settings).write_bytes(b"spoilt")
    assert http.fetch(stated, settings).read_bytes() == CONTENT


def test_other_bytes_than_declared_are_refused_with_both_digests_and_not_kept(settings: Settings, address: str) -> None:
    with pytest.raises(BadInput) as refused:
        http.fetch(source(f"{address}/plain", content=b"other"), settings)
    assert hashlib.sha256(CONTENT).hexdigest() in str(refused.value)
    assert hashlib.sha256(b"other").hexdigest() in str(refused.value)
    assert files(settings.cache) == []


def test_a_member_that_the_archive_has_not_is_refused_with_what_it_has(settings: Settings, address: str) -> None:
    with pytest.raises(BadInput, match=r"holds no 'row.csv': did you mean 'rows.csv'\?"):
        http.fetch(source(f"{address}/zip", "row.csv"), settings)


def test_an_archive_that_is_none_is_refused(settings: Settings, address: str) -> None:
    with pytest.raises(BadInput, match="is no zip archive"):
        http.fetch(source(f"{address}/plain", "rows.csv"), settings)


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (lambda packed: packed.replace(CONTENT, CONTENT[:-1] + b"?"), "is a broken delivery: 'rows.csv' is damaged in it: Bad CRC-32"),
        (lambda packed: packed[: len(packed) // 2], "is a broken delivery: 'rows.csv' is damaged in it"),
        (lambda packed: packed.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"), "needs a password"),
        (lambda packed: packed.replace(b"\0\0\0\0\0\0!\0", b"\0\0\x09\0\0\0!\0"), "is packed in a way that is not read"),
    ],
)
def test_a_member_that_is_not_whole_is_refused(tmp_path: Path, harm: Callable[[bytes], bytes], sentence: str) -> None:
    packed = io.BytesIO()
    with ZipFile(packed, "w") as archive:
        archive.writestr(ZipInfo("rows.csv"), CONTENT)
    with pytest.raises(BadInput) as refused, (tmp_path / "rows.csv").open("wb") as sink:
        http._unpack(io.BytesIO(harm(packed.getvalue())), "rows.csv", "http://there/rows.zip", sink)
    assert sentence in str(refused.value)
    assert "way out: " in str(refused.value)


def test_an_address_with_nothing_behind_it_is_a_mistake_and_a_busy_server_is_not(settings: Settings, address: str) -> None:
    with pytest.raises(BadInput, match="answers 404"):
        http.fetch(source(f"{address}/none"), settings)
    with pytest.raises(TryAgain, match="answers 503"):
        http.fetch(source(f"{address}/busy"), settings)


def test_an_unreachable_server_may_be_tried_again(settings: Settings) -> None:
    with serving() as address:
        pass
    with pytest.raises(TryAgain, match="cannot be reached"):
        http.fetch(source(f"{address}/plain"), settings)


def test_the_mirror_replaces_the_download_after_the_same_check(settings: Settings, tmp_path: Path) -> None:
    mirrored = replace(settings, mirror=tmp_path / "mirror")
    stated = source("http://127.0.0.1:9/nobody")
    with pytest.raises(BadInput, match=r"the mirror has no folder/rows.csv"):
        http.fetch(stated, mirrored)
    place = tmp_path / "mirror/folder/rows.csv"
    place.parent.mkdir(parents=True)
    place.write_bytes(CONTENT)
    assert http.fetch(stated, mirrored) == place
    place.write_bytes(b"other")
    with pytest.raises(BadInput, match="is not the file that the use case names"):
        http.fetch(stated, mirrored)
