"""Public files: fetched once, checked against their sha256, kept in the cache."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import SHUT_RDWR, socket
from threading import Timer
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

import httpx
from tqdm import tqdm

from pipelines.core.config import Delivery, HttpSource
from pipelines.core.errors import BadInput, TryAgain, brief, did_you_mean
from pipelines.sources import bounds
from pipelines.storage import disk
from pipelines.storage.settings import Settings

TIMEOUT = 30  # seconds without a single byte
MOST_REDIRECTS = 5
PERHAPS_LATER = (408, 425, 429)  # a request that took too long, came too early, or was one of too many
_PLAIN = (
    "let source.url name one that is packed by deflate, without a password; or put the file into a mirror"
)
_AGAIN = "run it again, so that it is downloaded anew; nothing of it is kept"
MIRROR = "let SLUICE_DATA_MIRROR name a folder that holds the file as"


def fetch(source: HttpSource, settings: Settings, limits: Delivery = bounds.EVERYDAY) -> Path:
    """Return the file on this disk: the mirror's where one is set, else the cache's, else freshly downloaded.

    The cache is laid out like a mirror. A download is published by a rename, after its check: nobody reads
    half a file.

    Raises:
        BadInput: the cache's folder is a link that leads out of it, not the bytes that the use case names,
            nothing at that address, no such member in the archive, another server's address, or more than is
            allowed.
        TryAgain: the address cannot be reached now.
    """
    if settings.mirror:
        mirrored = settings.mirror / source.mirror
        if not mirrored.is_file():
            raise BadInput(
                f"the mirror has no {source.mirror}",
                at=mirrored,
                fix="put it there, or unset SLUICE_DATA_MIRROR",
            )
        bounds.require("bytes", mirrored.name, mirrored.stat().st_size, limits, str(mirrored))
        _refuse_other_bytes(mirrored, source, str(mirrored))
        return mirrored
    cached = settings.cache / source.mirror
    if not (cached.is_file() and disk.sha256(cached) == source.sha256):
        _refuse_elsewhere(cached.parent, settings.cache)
        cached.parent.mkdir(parents=True, exist_ok=True)
        _download(source, cached, limits)
    return cached


def _refuse_elsewhere(folder: Path, cache: Path) -> None:
    """Make sure that what is written into a folder of the cache comes to lie below it."""
    if not folder.resolve().is_relative_to(cache.resolve()):
        raise BadInput(
            "a link leads out of the cache: nothing is downloaded",
            at=folder,
            fix="take the link away, or let SLUICE_VAR name the other place",
        )


def _download(source: HttpSource, target: Path, limits: Delivery) -> None:
    with disk.draft(target.parent) as (draft, sink):
        if source.member:
            with disk.draft(target.parent) as (archive, packed):
                _save(source, packed, limits)
                packed.close()
                with archive.open("rb") as content:
                    _unpack(content, source.member, source.url, sink, limits)
        else:
            _save(source, sink, limits)
        disk.finish(sink)
        _refuse_other_bytes(draft, source, source.url)
        os.replace(draft, target)


def _save(source: HttpSource, sink: IO[bytes], limits: Delivery) -> None:
    url = source.url
    later = f"run it again later, or {MIRROR} {source.mirror}"
    deadline = Deadline(url, limits)
    try:
        with deadline, httpx.Client(timeout=TIMEOUT, headers={"Accept-Encoding": "identity"}) as client:
            _follow(client, source, sink, deadline)
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        said = f"{url} answers {status} {error.response.reason_phrase}"
        if error.response.is_server_error or status in PERHAPS_LATER:
            raise TryAgain(said, fix=later) from error
        raise BadInput(said, fix=f"correct source.url, or {MIRROR} {source.mirror}") from error
    except httpx.InvalidURL as error:
        raise BadInput(
            f"{url} is no address: {error}", fix=f"correct source.url, or {MIRROR} {source.mirror}"
        ) from error
    except httpx.HTTPError as error:
        deadline.require()  # the connection was closed for that
        raise TryAgain(f"{url} cannot be reached: {error or type(error).__name__}", fix=later) from error


def _follow(client: httpx.Client, source: HttpSource, sink: IO[bytes], deadline: Deadline) -> None:
    """Follow redirects on the same server, and take what it gives."""
    url = httpx.URL(source.url)
    for _ in range(MOST_REDIRECTS + 1):
        with client.stream("GET", url, extensions={"trace": deadline.trace}) as answer:
            if answer.next_request is None:
                answer.raise_for_status()
                _take(answer, source, sink, deadline)
                return
            url = _same_server(answer.next_request.url, source)
    raise BadInput(
        f"{source.url} leads from one address to the next: more than {MOST_REDIRECTS} redirects were not"
        " followed",
        fix=f"write the address of the file itself into source.url, or {MIRROR} {source.mirror}",
    )


def _same_server(url: httpx.URL, source: HttpSource) -> httpx.URL:
    """An address to which a server redirects, if it is its own.

    Raises:
        BadInput: it is another's, which may be one that this machine alone can reach.
    """
    asked = httpx.URL(source.url)
    if (url.scheme, url.host, _port(url)) == (asked.scheme, asked.host, _port(asked)):
        return url
    there = f"{url.scheme}://{url.host}" + (f":{url.port}" if url.port else "")
    raise BadInput(
        f"{source.url} leads to another server: {brief(there)}, and only redirects within"
        f" {asked.scheme}://{asked.netloc.decode()} are followed",
        fix=f"if you trust it, write the address there into source.url, or {MIRROR} {source.mirror}",
    )


def _port(url: httpx.URL) -> int | None:
    return url.port or {"http": 80, "https": 443}.get(url.scheme)


def _take(answer: httpx.Response, source: HttpSource, sink: IO[bytes], deadline: Deadline) -> None:
    limits, size = deadline.limits, _announced_size(answer)
    bounds.require("bytes", source.url, size or 0, limits)
    unpacked = 0
    # disable=None: no bar where nobody looks, as in a task's log.
    with tqdm(total=size, unit="B", unit_scale=True, desc=target_name(source), disable=None) as bar:
        for (
            chunk
        ) in answer.iter_bytes():  # as they come: a server that trickles would not fill a chunk for days
            deadline.require()
            bounds.require("bytes", source.url, answer.num_bytes_downloaded, limits)
            unpacked += len(chunk)
            bounds.require("unpacked_bytes", source.url, unpacked, limits)
            sink.write(chunk)
            bar.update(len(chunk))
    deadline.require()  # a body that is as long as its connection ends with that


def _announced_size(answer: httpx.Response) -> int | None:
    told = answer.headers.get("content-length", "")
    return int(told) if told.isascii() and told.isdigit() else None


class Deadline(bounds.Clock):
    """Ends a download when its time is over, also one that waits, or of which byte after byte comes."""

    def __init__(self, place: str, limits: Delivery) -> None:
        super().__init__(place, limits)
        self.connection: socket | None = None
        self.timer = Timer(limits.seconds, self._close)

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Learn, as httpx tells it, by which socket the server answers."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self.connection = info["return_value"].get_extra_info("socket")
            if self.is_over:
                self._close()

    def _close(self) -> None:
        if self.connection is not None:
            with suppress(OSError):  # it is closed already
                self.connection.shutdown(SHUT_RDWR)

    def __enter__(self) -> Deadline:
        """Begin to wait for the end."""
        self.timer.daemon = True
        self.timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        """It has come in time, or failed."""
        self.timer.cancel()


def target_name(source: HttpSource) -> str:
    """The file's own name, without folders and archives."""
    return Path(source.mirror).name


def _unpack(packed: IO[bytes], member: str, place: str, sink: IO[bytes], limits: Delivery) -> None:
    """Copy a zip's member.

    `inner.zip/name` is the member `name` of the zip that is itself the member `inner.zip`.
    """
    try:
        with ZipFile(packed) as archive:
            names = archive.namelist()
            if member in names:
                with _within(archive, member, place, limits) as (content, counted):
                    counted.copy(content, sink)
                return
            inner = next(
                (name for name in names if name.endswith(".zip") and member.startswith(f"{name}/")), None
            )
            if inner is None:
                raise BadInput(
                    f"{place} holds no {member!r}: {did_you_mean(member, names)}", fix="correct source.member"
                )
            with _within(archive, inner, place, limits) as (content, _):
                _unpack(content, member.removeprefix(f"{inner}/"), f"{place}/{inner}", sink, limits)
    except NotImplementedError as error:
        raise BadInput(
            f"{member!r} is packed in a way that is not read: {error}", where=place, fix=_PLAIN
        ) from error
    except RuntimeError as error:
        raise BadInput(f"{member!r} needs a password", where=place, fix=_PLAIN) from error
    except (zlib.error, EOFError, BadZipFile) as error:
        if _is_zip(packed):
            raise BadInput(
                f"{place} is a broken delivery: {member!r} is damaged in it: {error}", fix=_AGAIN
            ) from error
        raise BadInput(
            f"{place} is no zip archive: {error}", fix="correct source.url, or leave out source.member"
        ) from error


def _is_zip(packed: IO[bytes]) -> bool:
    """Whether it begins as an archive does, of which then a part is missing or wrong."""
    packed.seek(0)
    return packed.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


@contextmanager
def _within(
    archive: ZipFile, member: str, place: str, limits: Delivery
) -> Iterator[tuple[IO[bytes], bounds.Unpacking]]:
    """A member to be unpacked, if it is not too large by its own account.

    No more than that comes out of it.
    """
    told = archive.getinfo(member)
    bounds.Unpacking(f"{place}/{member}", told.compress_size, limits).more(told.file_size)
    with archive.open(member) as content:
        yield content, bounds.Unpacking(f"{place}/{member}", told.compress_size, limits)


def _refuse_other_bytes(path: Path, source: HttpSource, place: str) -> None:
    found = disk.sha256(path)
    if found != source.sha256:
        raise BadInput(
            f"{place} is not the file that the use case names",
            details=[f"found sha256 {found}", f"expected sha256 {source.sha256}"],
            fix=(
                "look whether its publisher has changed it; if you trust the new file, write its sha256 into"
                " source.sha256"
            ),
        )
