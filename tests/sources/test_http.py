from __future__ import annotations

import hashlib
import io
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import cast
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from pipelines.core.config import Delivery, HttpSource
from pipelines.core.errors import BadInput, TryAgain
from pipelines.sources import bounds, http
from pipelines.storage.settings import Settings
from tests.sources.cases.archives import ARCHIVES, CONTENT, Archive


def zipped(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_", "."), content)
    return packed.getvalue()


ANSWERS = {
    "/plain": (200, CONTENT),
    "/zip": (200, zipped(other_txt=b"x", rows_csv=CONTENT)),
    "/nested": (200, zipped(inner_zip=zipped(rows_csv=CONTENT))),
    "/busy": (503, b""),
    "/slow": (408, b""),
    "/not-gzip": (200, b"plain"),
    "/bomb": (200, zipped(rows_csv=bytes(20_000_000))),
    "/nested-bomb": (200, zipped(inner_zip=zipped(rows_csv=bytes(20_000_000)))),
}
LEADS = {  # path -> where the server sends whoever asks for it
    "/moved": "/plain",
    "/round": "/and-round",
    "/and-round": "/round",
    "/elsewhere": "http://other.example/rows.csv?signature=secret",
    "/port": "http://127.0.0.1:1/plain",
    "/other-scheme": "https://127.0.0.1:{port}/plain",
    "/file": "file:///etc/hostname",
    "/no-address": "http://[::1/plain",
}


class Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path in LEADS:
            self.send_response(302)
            self.send_header(
                "Location", LEADS[self.path].format(port=cast(HTTPServer, self.server).server_port)
            )
            self.end_headers()
        elif self.path in ("/trickle", "/slow-header"):
            self.trickle()
        elif self.path == "/endless":
            self.endless()
        elif self.path == "/announced":
            self.announced()
        else:
            self.answer()

    def trickle(self) -> None:
        """A byte now and then, until nobody listens."""
        start = b"HTTP/1.1 200 OK\r\n" + (b"\r\n" if self.path == "/trickle" else b"X-Long: ")
        with suppress(OSError):
            self.wfile.write(start)
            while True:
                self.wfile.write(b"x")
                time.sleep(0.05)

    def endless(self) -> None:
        """A body without an end, and without a word of its length."""
        with suppress(OSError):
            self.send_response(200)
            self.end_headers()
            while True:
                self.wfile.write(bytes(100_000))

    def announced(self) -> None:
        """A body that says how long it will be, and does not come for a while."""
        with suppress(OSError):
            self.send_response(200)
            self.send_header("Content-Length", "1000001")
            self.end_headers()
            time.sleep(0.5)
            self.wfile.write(bytes(10))

    def answer(self) -> None:
        status, content = ANSWERS.get(self.path, (404, b""))
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        if self.path == "/not-gzip":
            self.send_header("Content-Encoding", "gzip")
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


@pytest.mark.parametrize(
    ("path", "member"), [("/plain", None), ("/zip", "rows.csv"), ("/nested", "inner.zip/rows.csv")]
)
def test_a_file_is_downloaded_and_taken_out_of_its_archives(
    settings: Settings, address: str, path: str, member: str | None
) -> None:
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


def test_other_bytes_than_declared_are_refused_with_both_digests_and_not_kept(
    settings: Settings, address: str
) -> None:
    with pytest.raises(BadInput) as refused:
        http.fetch(source(f"{address}/plain", content=b"other"), settings)
    assert hashlib.sha256(CONTENT).hexdigest() in str(refused.value)
    assert hashlib.sha256(b"other").hexdigest() in str(refused.value)
    assert files(settings.cache) == []


def test_a_member_that_the_archive_has_not_is_refused_with_what_it_has(
    settings: Settings, address: str
) -> None:
    with pytest.raises(BadInput, match=r"holds no 'row.csv': did you mean 'rows.csv'\?"):
        http.fetch(source(f"{address}/zip", "row.csv"), settings)


def test_an_archive_that_is_none_is_refused(settings: Settings, address: str) -> None:
    with pytest.raises(BadInput, match="is no zip archive"):
        http.fetch(source(f"{address}/plain", "rows.csv"), settings)


@pytest.mark.parametrize("case", ARCHIVES, ids=lambda case: case.title)
def test_a_member_is_read_whole_or_refused(tmp_path: Path, case: Archive) -> None:
    with (tmp_path / "rows.csv").open("w+b") as sink:
        if not case.says:
            http._unpack(io.BytesIO(case.packed), case.member, "http://there/rows.zip", sink, Delivery())
            sink.seek(0)
            assert sink.read() == CONTENT
            return
        with pytest.raises(BadInput) as refused:
            http._unpack(io.BytesIO(case.packed), case.member, "http://there/rows.zip", sink, Delivery())
    assert str(refused.value).splitlines()[0] == case.says
    assert "way out: " in str(refused.value)


def test_an_address_with_nothing_behind_it_is_a_mistake_and_a_busy_server_is_not(
    settings: Settings, address: str
) -> None:
    with pytest.raises(BadInput, match="answers 404"):
        http.fetch(source(f"{address}/none"), settings)
    with pytest.raises(TryAgain, match="answers 503"):
        http.fetch(source(f"{address}/busy"), settings)
    with pytest.raises(TryAgain, match="answers 408"):
        http.fetch(source(f"{address}/slow"), settings)


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


def refusal(stated: HttpSource, settings: Settings, **limits: int) -> str:
    with pytest.raises(BadInput) as refused:
        http.fetch(stated, settings, Delivery.model_validate(limits))
    assert files(settings.cache) == []  # nothing of it is kept
    return str(refused.value)


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/plain", {"bytes": 5}),
        ("/endless", {"bytes": 1_000_000}),
        ("/endless", {"unpacked_bytes": 1_000_000}),
    ],
)
def test_a_body_that_is_too_long_is_stopped_and_told_with_its_limit(
    settings: Settings, address: str, path: str, limit: dict[str, int]
) -> None:
    said = refusal(source(address + path), settings, **limit)
    name, allowed = next(iter(limit.items()))
    assert f"{address}{path} is too much: " in said
    assert f"limits.delivery.{name} allows {allowed:,}" in said
    assert "way out: ask its producer" in said


def test_a_body_that_says_that_it_is_too_long_is_not_waited_for(settings: Settings, address: str) -> None:
    assert "is too much: 1,000,001 bytes or more" in refusal(
        source(f"{address}/announced"), settings, bytes=1_000_000
    )


@pytest.mark.parametrize("path", ["/trickle", "/slow-header"])
def test_a_body_or_a_header_that_trickles_ends_when_its_time_is_over(
    settings: Settings, address: str, path: str
) -> None:
    said = refusal(source(address + path), settings, seconds=1)
    assert f"{address}{path} is too much: 1 seconds or more, and limits.delivery.seconds allows 1" in said


@pytest.mark.parametrize(("path", "member"), [("/bomb", "rows.csv"), ("/nested-bomb", "inner.zip/rows.csv")])
@pytest.mark.parametrize("limit", [{"ratio": 20}, {"unpacked_bytes": 1_000_000}])
def test_a_bomb_in_an_archive_is_stopped_before_it_is_unpacked(
    settings: Settings,
    address: str,
    path: str,
    member: str,
    limit: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bounds.Unpacking, "copy", None)
    said = refusal(source(address + path, member), settings, **limit)
    assert "20,000,000" in said
    assert f"limits.delivery.{next(iter(limit))}" in said


def test_redirects_of_a_server_to_itself_are_followed(settings: Settings, address: str) -> None:
    assert http.fetch(source(f"{address}/moved"), settings).read_bytes() == CONTENT


def test_redirects_that_go_round_are_not_followed_for_ever(settings: Settings, address: str) -> None:
    assert "leads from one address to the next: more than 5 redirects" in refusal(
        source(f"{address}/round"), settings
    )


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("/elsewhere", "'http://other.example'"),
        ("/port", "'http://127.0.0.1:1'"),
        ("/other-scheme", "'https://127.0.0.1:"),
        ("/file", "'file://127.0.0.1"),
    ],
)
def test_a_redirect_to_another_server_port_or_scheme_is_refused(
    settings: Settings, address: str, path: str, there: str
) -> None:
    said = refusal(source(address + path), settings)
    assert f"{address}{path} leads to another server: {there}" in said
    assert f"and only redirects within {address} are followed" in said
    assert "way out: if you trust it, write the address there into source.url" in said
    assert "secret" not in said


@pytest.mark.parametrize("path", ["/no-address", "/not-gzip"])
def test_an_answer_that_is_none_is_a_sentence(settings: Settings, address: str, path: str) -> None:
    with pytest.raises(TryAgain, match="cannot be reached: "):
        http.fetch(source(address + path), settings)


def test_an_address_that_is_none_is_a_mistake_of_the_file(settings: Settings) -> None:
    with pytest.raises(
        BadInput, match=r"http://\[::1/rows.csv is no address: .*\n  way out: correct source.url"
    ):
        http.fetch(source("http://[::1/rows.csv"), settings)


def test_what_killed_downloads_have_left_is_swept(settings: Settings, address: str) -> None:
    (settings.cache / "folder").mkdir(parents=True)
    left = settings.cache / "folder" / ".draft-left"
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    http.fetch(source(f"{address}/plain"), settings)
    assert files(settings.cache) == ["folder/rows.csv"]


def test_a_mirror_holds_no_more_than_a_download_may_bring(settings: Settings, tmp_path: Path) -> None:
    place = tmp_path / "mirror" / "folder" / "rows.csv"
    place.parent.mkdir(parents=True)
    place.write_bytes(CONTENT)
    assert "limits.delivery.bytes allows 5" in refusal(
        source("http://127.0.0.1:9/nobody"), replace(settings, mirror=tmp_path / "mirror"), bytes=5
    )
