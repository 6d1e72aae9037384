"""Public files: fetched once, checked against their sha256, kept in the cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from zipfile import BadZipFile, ZipFile

import httpx
from tqdm import tqdm

from pipelines.config import HttpSource
from pipelines.errors import BadInput, TryAgain, meant
from pipelines.settings import Settings

TIMEOUT = 30  # seconds without a single byte
CHUNK = 1 << 20
TOO_MANY_REQUESTS = 429
_PLAIN = "way out: let source.url name one that is packed by deflate, without a password; or put the file into a mirror"
_AGAIN = "way out: run it again, so that it is downloaded anew; nothing of it is kept"
MIRROR = "let SLUICE_DATA_MIRROR name a folder that holds the file as"


def fetch(source: HttpSource, settings: Settings) -> Path:
    """Return the file on this disk: the mirror's where one is set, else the cache's, else freshly downloaded.

    The cache is laid out like a mirror. A download is published by a rename, after its check: nobody reads half a file.

    Raises:
        BadInput: the cache's folder is a link that leads out of it, not the bytes that the use case names, nothing at that address, or no such member in the archive.
        TryAgain: the address cannot be reached now.
    """
    if settings.mirror:
        mirrored = settings.mirror / source.mirror
        if not mirrored.is_file():
            raise BadInput(
                f"the mirror has no {source.mirror}\n  looked for: {mirrored}\n  way out: put it there, or unset SLUICE_DATA_MIRROR"
            )
        _refuse_other_bytes(mirrored, source, str(mirrored))
        return mirrored
    cached = settings.cache / source.mirror
    if not (cached.is_file() and _sha256(cached) == source.sha256):
        _refuse_elsewhere(cached.parent, settings.cache)
        cached.parent.mkdir(parents=True, exist_ok=True)
        _download(source, cached)
    return cached


def _refuse_elsewhere(folder: Path, cache: Path) -> None:
    """Make sure that what is written into a folder of the cache comes to lie below it."""
    if not folder.resolve().is_relative_to(cache.resolve()):
        raise BadInput(
            f"a link leads out of the cache: nothing is downloaded\n  at: {folder}\n  way out: take the link away, or let SLUICE_VAR name the other place"
        )


def _download(source: HttpSource, target: Path) -> None:
    with _draft(target.parent) as archive, _draft(target.parent) as draft:
        _save(source, archive)
        if source.member:
            with archive.open("rb") as packed, draft.open("wb") as sink:
                _unpack(packed, source.member, source.url, sink)
        else:
            os.replace(archive, draft)
        _refuse_other_bytes(draft, source, source.url)
        os.replace(draft, target)


def _save(source: HttpSource, path: Path) -> None:
    url = source.url
    later = f"way out: run it again later, or {MIRROR} {source.mirror}"
    try:
        with httpx.stream("GET", url, follow_redirects=True, timeout=TIMEOUT) as answer, path.open("wb") as sink:
            answer.raise_for_status()
            size = int(answer.headers.get("content-length", 0)) or None
            # disable=None: no bar where nobody looks, as in a task's log.
            with tqdm(total=size, unit="B", unit_scale=True, desc=target_name(source), disable=None) as bar:
                for chunk in answer.iter_bytes(CHUNK):
                    sink.write(chunk)
                    bar.update(len(chunk))
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        said = f"{url} answers {status} {error.response.reason_phrase}"
        if error.response.is_server_error or status == TOO_MANY_REQUESTS:
            raise TryAgain(f"{said}\n  {later}") from error
        raise BadInput(f"{said}\n  way out: correct source.url, or {MIRROR} {source.mirror}") from error
    except httpx.TransportError as error:
        raise TryAgain(f"{url} cannot be reached: {error or type(error).__name__}\n  {later}") from error


def target_name(source: HttpSource) -> str:
    """The file's own name, without folders and archives."""
    return Path(source.mirror).name


def _unpack(packed: IO[bytes], member: str, place: str, sink: IO[bytes]) -> None:
    """Copy a zip's member; `inner.zip/name` is the member `name` of the zip that is itself the member `inner.zip`."""
    try:
        with ZipFile(packed) as archive:
            names = archive.namelist()
            if member in names:
                with archive.open(member) as content:
                    shutil.copyfileobj(content, sink)
                return
            inner = next((name for name in names if name.endswith(".zip") and member.startswith(f"{name}/")), None)
            if inner is None:
                raise BadInput(f"{place} holds no {member!r}: {meant(member, names)}\n  way out: correct source.member")
            with archive.open(inner) as content:
                _unpack(content, member.removeprefix(f"{inner}/"), f"{place}/{inner}", sink)
    except NotImplementedError as error:
        raise BadInput(f"{place}: {member!r} is packed in a way that is not read: {error}\n  {_PLAIN}") from error
    except RuntimeError as error:
        raise BadInput(f"{place}: {member!r} needs a password\n  {_PLAIN}") from error
    except (zlib.error, EOFError, BadZipFile) as error:
        if _is_zip(packed):
            raise BadInput(f"{place} is a broken delivery: {member!r} is damaged in it: {error}\n  {_AGAIN}") from error
        raise BadInput(f"{place} is no zip archive: {error}\n  way out: correct source.url, or leave out source.member") from error


def _is_zip(packed: IO[bytes]) -> bool:
    """Whether it begins as an archive does, of which then a part is missing or wrong."""
    packed.seek(0)
    return packed.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def _refuse_other_bytes(path: Path, source: HttpSource, place: str) -> None:
    found = _sha256(path)
    if found != source.sha256:
        raise BadInput(
            f"{place} is not the file that the use case names\n  found sha256    {found}\n  expected sha256 {source.sha256}\n"
            "  way out: look whether its publisher has changed it; if you trust the new file, write its sha256 into source.sha256"
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _draft(folder: Path) -> Iterator[Path]:
    """A file nobody reads yet, gone again unless it has been renamed."""
    handle, name = tempfile.mkstemp(prefix=".draft-", dir=folder)
    os.close(handle)
    path = Path(name)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
