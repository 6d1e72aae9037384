"""The object store itself: where it is, who we are there, and what its errors mean."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit

from pipelines.core.errors import BadInput, TryAgain
from pipelines.storage.backends.protocol import Overtaken

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_s3 import S3Client

CONNECTION = (  # as Airflow writes a connection `sluice_storage` into the environment
    "AIRFLOW_CONN_SLUICE_STORAGE"
)
# An outage of half a minute is waited for here: some ten tries with growing pauses, a minute in all.
# Airflow's retries follow.
TRIES = 10
CONNECT_TIMEOUT, READ_TIMEOUT = 5, 30  # seconds
ABSENT = {"NoSuchKey", "404", "NotFound"}
OVERTAKEN = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
DENIED = {
    "AccessDenied",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "403",
    "Forbidden",
    "InvalidClientTokenId",
    "ExpiredToken",
}


@dataclass(frozen=True, repr=False)
class Access:
    """Where the store is and who we are there, so far as a connection says it.

    The rest is boto3's own business.
    """

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
                f"{CONNECTION} is no connection",
                fix=(
                    "set it to aws://key:secret@/?endpoint_url=https%3A%2F%2Fhost&region_name=eu-central-1,"
                    " or to Airflow's JSON of it"
                ),
            ) from None

    @classmethod
    def _from_url(cls, text: str) -> Access:
        url = urlsplit(text)
        if url.scheme != "aws":
            raise ValueError
        extra = dict(parse_qsl(url.query))
        return cls(
            unquote(url.username or "") or None,
            unquote(url.password or "") or None,
            extra.get("endpoint_url"),
            extra.get("region_name"),
        )

    @classmethod
    def _from_json(cls, stated: dict[str, Any]) -> Access:
        extra = stated.get("extra") or {}
        extra = json.loads(extra) if isinstance(extra, str) else extra
        return cls(
            stated.get("login"), stated.get("password"), extra.get("endpoint_url"), extra.get("region_name")
        )

    @cached_property
    def for_dvc(self) -> dict[str, str]:
        """The same in DVC's words, for the configuration of a remote.

        What is not said here, DVC finds as boto3 does.
        """
        words = {
            "endpointurl": address() if self.endpoint or _stated_endpoint() else None,
            "access_key_id": self.key,
            "secret_access_key": self.secret,
            "region": self.region,
        }
        return {word: value for word, value in words.items() if value}


def client() -> S3Client:
    """boto3's client of the store."""
    # A process has its own: connections do not survive a fork. A task that is lent another connection has
    # another one, too.
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
        # Checksums in trailers are Amazon's own; other stores refuse them. Parts are checked by their sha256
        # in the manifest.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        # A bucket as a part of the host's name needs a certificate and a name server that know it.
        s3={"addressing_style": "path"} if access.endpoint or endpoint else {},
    )
    session = boto3.session.Session(
        aws_access_key_id=access.key, aws_secret_access_key=access.secret, region_name=access.region
    )
    return session.client("s3", endpoint_url=access.endpoint, config=config)


def _stated_endpoint() -> str | None:
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")


def address() -> str:
    """Where the store is."""
    return str(client().meta.endpoint_url)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__


def overtaken(name: str) -> Overtaken:
    """What is said of an object that somebody else has written."""
    return Overtaken(
        "somebody else has written it at the same time; nothing was written here",
        where=name,
        fix="run it again",
    )


@contextmanager
def asking(name: str, bucket: str) -> Iterator[None]:
    """Ask the store for something about an object, and turn its errors into ours.

    `FileNotFoundError` if it is not there.

    Raises:
        BadInput: no such bucket, or not with these credentials.
        Overtaken: somebody else has written it meanwhile.
        TryAgain: the store does not answer, or answers with errors.
    """
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ClientError as error:
        _raise_refused(name, bucket, error)
    except (BotoCoreError, HTTPClientError, HTTPError, Boto3Error) as error:
        cause = error.__context__  # of a transfer's own error
        if isinstance(cause, ClientError):
            _raise_refused(name, bucket, cause)
        _raise_unanswered(name, error)


def _raise_refused(name: str, bucket: str, error: ClientError) -> NoReturn:
    code = str(error.response.get("Error", {}).get("Code", "?"))
    said = _first_line(error)
    if code in ABSENT:
        raise FileNotFoundError(name) from error
    if code in OVERTAKEN:
        raise overtaken(name) from error
    if code == "NoSuchBucket":
        raise BadInput(
            f"there is no bucket {bucket!r} at {address()}", where=name, fix="make it, or correct SLUICE_DATA"
        ) from error
    if code in DENIED:
        raise BadInput(
            f"{address()} refuses these credentials: {said}",
            where=name,
            fix=f"correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the connection {CONNECTION}",
        ) from error
    raise TryAgain(
        f"{address()} answers with an error: {said}", where=name, fix="run it again when it has recovered"
    ) from error


def _raise_unanswered(name: str, error: Exception) -> NoReturn:
    if type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError"):
        raise BadInput(
            f"no credentials for {address()}",
            where=name,
            fix=(
                f"set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the connection {CONNECTION}"
                " (aws://key:secret@/?endpoint_url=...)"
            ),
        ) from error
    raise TryAgain(
        f"{address()} does not answer: {_first_line(error)}",
        where=name,
        fix="run it again later, or correct AWS_ENDPOINT_URL_S3",
    ) from error
