"""Files in an object store that speaks S3: each appears whole or not at all, and the second of two writers is told so.

An object store has neither links nor renames nor locks. It has writes that take effect at once, and conditional writes
(`If-None-Match`, `If-Match`): what is read, changed and written again is written only if nobody else has written meanwhile.
"""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit
from uuid import uuid4

from pipelines.errors import BadInput, TryAgain

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError
    from mypy_boto3_s3 import S3Client

SCHEME = "s3://"
CONNECTION = "AIRFLOW_CONN_SLUICE_STORAGE"  # as Airflow writes a connection `sluice_storage` into the environment
URL = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<key>[\w.=-]+(?:/[\w.=-]+)*))?/?", re.ASCII)
# An outage of half a minute is waited for here: some ten tries with growing pauses, a minute in all. Airflow's retries follow.
TRIES = 10
CONNECT_TIMEOUT, READ_TIMEOUT = 5, 30  # seconds
ABSENT = {"NoSuchKey", "404", "NotFound"}
OVERTAKEN = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
DENIED = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "403", "Forbidden", "InvalidClientTokenId", "ExpiredToken"}


class Overtaken(TryAgain):
    """Somebody else has written meanwhile; nothing was written here."""


@dataclass(frozen=True)
class Tag:
    """Which version of an object was read, to be named when it is written again."""

    etag: str
    modified: datetime


@dataclass(frozen=True)
class BucketPath:
    """The name of an object, or of what lies below it, in the way of `pathlib.Path`; its methods mean what they mean there.

    Raises, wherever it asks the store:
        BadInput: no such bucket, or not with these credentials.
        TryAgain: the store does not answer, or answers with errors.
    """

    bucket: str
    key: str = ""

    @classmethod
    def of(cls, url: str, setting: str) -> BucketPath:
        """Read an address such as s3://bucket/prefix.

        Raises:
            BadInput: it is none; the sentence names the setting that it comes from.
        """
        if not (match := URL.fullmatch(url)):
            raise BadInput(
                f"{setting}: {url!r} is no address of a bucket; allowed: s3://<bucket> or s3://<bucket>/<prefix>, in letters, digits and _ . = -\n"
                f"  way out: set {setting} to such an address, or to a folder of this machine"
            )
        return cls(match["bucket"], match["key"] or "")

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.key}".rstrip("/")

    def __truediv__(self, below: str | PurePosixPath) -> BucketPath:
        parts = PurePosixPath(below)
        if parts.is_absolute() or ".." in parts.parts:
            raise ValueError(f"{below}: not below {self}")
        return BucketPath(self.bucket, str(PurePosixPath(self.key) / parts) if self.key else str(parts).removeprefix("."))

    # --- names

    @property
    def name(self) -> str:
        """The last part of the name."""
        return PurePosixPath(self.key).name

    @property
    def stem(self) -> str:
        """The last part of the name, without its ending."""
        return PurePosixPath(self.key).stem

    @property
    def parent(self) -> BucketPath:
        """What it lies in."""
        return BucketPath(self.bucket, str(PurePosixPath(self.key).parent).removeprefix("."))

    def relative_to(self, other: BucketPath) -> PurePosixPath:
        """The way from another name to this one, which lies below it."""
        return PurePosixPath(f"/{self.key}").relative_to(f"/{other.key}")

    # --- reading

    def read_bytes(self) -> bytes:
        """The content; `FileNotFoundError` if there is none."""
        return self.read()[0]

    def read(self) -> tuple[bytes, Tag]:
        """The content, and which version of it."""
        with self._asking():
            found = _client().get_object(Bucket=self.bucket, Key=self.key)
            return found["Body"].read(), Tag(found["ETag"], found["LastModified"])

    def is_file(self) -> bool:
        """Whether there is such an object."""
        try:
            with self._asking():
                _client().head_object(Bucket=self.bucket, Key=self.key)
        except FileNotFoundError:
            return False
        return True

    def files(self) -> Iterator[tuple[BucketPath, datetime]]:
        """All objects below this name, in the order of their names, each with the moment it was written."""
        with self._asking():
            for page in _client().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self._below):
                for found in page.get("Contents", ()):
                    yield BucketPath(self.bucket, found["Key"]), found["LastModified"]

    def glob(self, pattern: str) -> Iterator[BucketPath]:
        """The objects below whose names match, part by part."""
        depth = len(PurePosixPath(pattern).parts)
        for path, _ in self.files():
            way = path.relative_to(self)
            if len(way.parts) == depth and way.match(pattern):
                yield path

    def folders(self) -> Iterator[str]:
        """The names of what has objects below it."""
        with self._asking():
            pages = _client().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self._below, Delimiter="/")
            for page in pages:
                yield from (PurePosixPath(found["Prefix"]).name for found in page.get("CommonPrefixes", ()))

    def download(self, path: Path) -> None:
        """Bring the content to a file of this machine."""
        with self._asking():
            _client().download_file(self.bucket, self.key, str(path))

    def open(self) -> io.BufferedReader:
        """Read here and there in it, without bringing all of it: a Parquet file's footer, say."""
        with self._asking():
            size = _client().head_object(Bucket=self.bucket, Key=self.key)["ContentLength"]
        return io.BufferedReader(_Ranges(self, size))

    def access_for_dvc(self) -> dict[str, str]:
        """Where the store is and who we are there, in DVC's words for a remote; what is not said, it finds as boto3 does."""
        return Access.from_env().for_dvc

    # --- writing

    def write(self, content: bytes) -> None:
        """Put content in its place, whoever writes beside."""
        self._put(content)

    def create(self, content: bytes) -> None:
        """Write what must not be there yet, or raise `Overtaken`."""
        self._put(content, IfNoneMatch="*")

    def swap(self, content: bytes, tag: Tag | None) -> None:
        """Write what nobody must have written since it was read as `tag` (None: was not there), or raise `Overtaken`."""
        self._put(content, **({"IfMatch": tag.etag} if tag else {"IfNoneMatch": "*"}))

    def upload(self, path: Path) -> None:
        """Put a file's content in its place; in parts if it is large, which appear together."""
        with self._asking():
            _client().upload_file(str(path), self.bucket, self.key)

    def copy(self, source: BucketPath) -> None:
        """Let another object's content be here as well, without bringing it to this machine."""
        with self._asking():
            _client().copy({"Bucket": source.bucket, "Key": source.key}, self.bucket, self.key)

    def unlink(self) -> None:
        """Remove the object, if it is there."""
        with self._asking():
            _client().delete_object(Bucket=self.bucket, Key=self.key)

    def range(self, start: int, end: int) -> bytes:
        """Some bytes of the content; `end` is not among them."""
        with self._asking():
            return _client().get_object(Bucket=self.bucket, Key=self.key, Range=f"bytes={start}-{end - 1}")["Body"].read()

    @property
    def _below(self) -> str:
        return f"{self.key}/" if self.key else ""

    def _put(self, content: bytes, **condition: str) -> None:
        try:
            with self._asking():
                _client().put_object(Bucket=self.bucket, Key=self.key, Body=content, **condition)  # type: ignore[arg-type]
        except FileNotFoundError:  # an If-Match of what is gone
            raise Overtaken(self._overtaken()) from None

    def _overtaken(self) -> str:
        return f"{self}: somebody else has written it at the same time; nothing was written here\n  way out: run it again"

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Turn the store's errors into ours."""
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
        from urllib3.exceptions import HTTPError

        try:
            yield
        except ClientError as error:
            self._refused(error)
        except (BotoCoreError, HTTPClientError, HTTPError, Boto3Error) as error:
            cause = error.__context__  # of a transfer's own error
            if isinstance(cause, ClientError):
                self._refused(cause)
            self._unanswered(error)

    def _refused(self, error: ClientError) -> NoReturn:
        code = str(error.response.get("Error", {}).get("Code", "?"))
        said = _first_line(error)
        if code in ABSENT:
            raise FileNotFoundError(str(self)) from error
        if code in OVERTAKEN:
            raise Overtaken(self._overtaken()) from error
        if code == "NoSuchBucket":
            raise BadInput(
                f"{self}: there is no bucket {self.bucket!r} at {_address()}\n  way out: make it, or correct SLUICE_DATA"
            ) from error
        if code in DENIED:
            raise BadInput(
                f"{self}: {_address()} refuses these credentials: {said}\n"
                f"  way out: correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the connection {CONNECTION}"
            ) from error
        raise TryAgain(f"{self}: {_address()} answers with an error: {said}\n  way out: run it again when it has recovered") from error

    def _unanswered(self, error: Exception) -> NoReturn:
        if type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError"):
            raise BadInput(
                f"{self}: no credentials for {_address()}\n"
                f"  way out: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the connection {CONNECTION} (aws://key:secret@/?endpoint_url=...)"
            ) from error
        raise TryAgain(
            f"{self}: {_address()} does not answer: {_first_line(error)}\n  way out: run it again later, or correct AWS_ENDPOINT_URL_S3"
        ) from error


class _Ranges(io.RawIOBase):
    """An object as a file that can be read from anywhere."""

    def __init__(self, path: BucketPath, size: int) -> None:
        self._path, self._size, self._at = path, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), self._size - self._at)
        if wanted <= 0:
            return 0
        found = self._path.range(self._at, self._at + wanted)
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)


# --- the store


@dataclass(frozen=True, repr=False)
class Access:
    """Where the store is and who we are there, so far as a connection says it; the rest is boto3's own business."""

    key: str | None = None
    secret: str | None = None
    endpoint: str | None = None
    region: str | None = None

    @classmethod
    def from_env(cls) -> Access:
        """Read the connection, if there is one, as Airflow writes it: an address or JSON.

        Raises:
            BadInput: it is neither.
        """
        text = os.environ.get(CONNECTION, "").strip()
        if not text:
            return cls()
        try:
            return cls._from_json(json.loads(text)) if text.startswith("{") else cls._from_url(text)
        except (ValueError, TypeError, AttributeError):
            # Without `from`: the cause's text may hold the secret.
            raise BadInput(
                f"{CONNECTION} is no connection\n  way out: set it to aws://key:secret@/?endpoint_url=https%3A%2F%2Fhost&region_name=eu-central-1,"
                " or to Airflow's JSON of it"
            ) from None

    @classmethod
    def _from_url(cls, text: str) -> Access:
        url = urlsplit(text)
        if url.scheme != "aws":
            raise ValueError
        extra = dict(parse_qsl(url.query))
        return cls(
            unquote(url.username or "") or None, unquote(url.password or "") or None, extra.get("endpoint_url"), extra.get("region_name")
        )

    @classmethod
    def _from_json(cls, stated: dict[str, Any]) -> Access:
        extra = stated.get("extra") or {}
        extra = json.loads(extra) if isinstance(extra, str) else extra
        return cls(stated.get("login"), stated.get("password"), extra.get("endpoint_url"), extra.get("region_name"))

    @cached_property
    def for_dvc(self) -> dict[str, str]:
        """The same in DVC's words, for the configuration of a remote; what is not said here, DVC finds as boto3 does."""
        client = _client()
        words = {
            "endpointurl": client.meta.endpoint_url if self.endpoint or _stated_endpoint() else None,
            "access_key_id": self.key,
            "secret_access_key": self.secret,
            "region": self.region,
        }
        return {word: value for word, value in words.items() if value}


def _client() -> S3Client:
    # A process has its own: connections do not survive a fork. A task that is lent another connection has another one, too.
    return _client_of(os.getpid(), Access.from_env(), _stated_endpoint(), os.environ.get("AWS_ACCESS_KEY_ID"))


@cache
def _client_of(pid: int, access: Access, endpoint: str | None, key: str | None) -> S3Client:  # noqa: ARG001 (part of what it is cached by)
    import boto3
    from botocore.config import Config

    config = Config(
        retries={"mode": "standard", "total_max_attempts": TRIES},
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        max_pool_connections=20,
        # Checksums in trailers are Amazon's own; other stores refuse them. Parts are checked by their sha256 in the manifest.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        # A bucket as a part of the host's name needs a certificate and a name server that know it.
        s3={"addressing_style": "path"} if access.endpoint or endpoint else {},
    )
    session = boto3.session.Session(aws_access_key_id=access.key, aws_secret_access_key=access.secret, region_name=access.region)
    return session.client("s3", endpoint_url=access.endpoint, config=config)


def _stated_endpoint() -> str | None:
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")


def _address() -> str:
    return str(_client().meta.endpoint_url)


def _first_line(error: BotoCoreError | Exception) -> str:
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__


def probe(place: BucketPath) -> None:
    """Find out whether the store can be written and read, and whether it refuses the second of two writers, as everything here relies on.

    Raises:
        BadInput: no such bucket, not with these credentials, or a store whose conditional writes are none.
        TryAgain: it does not answer.
    """
    from concurrent.futures import ThreadPoolExecutor

    at = place / f".probe-{uuid4().hex}"

    def wins(number: int) -> bool:
        try:
            at.create(str(number).encode())
        except Overtaken:
            return False
        return True

    try:
        with ThreadPoolExecutor(8) as writers:
            winners = [number for number, won in enumerate(writers.map(wins, range(8))) if won]
        content, tag = at.read()
        at.swap(b"swapped", tag)
        try:
            at.swap(b"swapped twice", tag)
            stale = True
        except Overtaken:
            stale = False
    finally:
        at.unlink()
    if len(winners) != 1 or content != str(winners[0]).encode() or stale:
        raise BadInput(
            f"SLUICE_DATA: {_address()} lets {len(winners)} of 8 writers make the same object{' and overwrites what has changed' if stale else ''}: "
            "its conditional writes (If-None-Match, If-Match) are none, and two runs at once would lose each other's work\n"
            "  way out: use a store, or a later version of it, that has them: Amazon S3, MinIO, Ceph, Cloudflare R2 do"
        )


def claimed(place: BucketPath, seconds: float) -> bool:
    """Claim what one process alone may do; a claim that is older than `seconds` was left by one that was killed."""
    mine = uuid4().hex.encode()
    try:
        place.create(mine)
    except Overtaken:
        try:
            content, tag = place.read()
            if content == mine:  # written, and the answer lost
                return True
            if (datetime.now(UTC) - tag.modified).total_seconds() < seconds:
                return False
            place.swap(mine, tag)
        except (Overtaken, FileNotFoundError):
            return False
    return True
