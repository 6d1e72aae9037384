"""An S3 server of our own: moto's, in a process of its own, so that tests may fork, kill and be refused."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from pipelines.storage.backends.bucket_path import BucketPath
from pipelines.storage.backends.s3 import S3
from pipelines.storage.settings import ROOT
from tests.helpers.waiting import PATIENCE, until

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class Server:
    """A running one."""

    port: int

    @property
    def environment(self) -> dict[str, str]:
        """What says where it is and who we are there."""
        return {
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "sluice",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def bucket(self, name: str) -> BucketPath:
        """A new bucket with a prefix in it."""
        plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:50]
        bucket = f"t-{plain}-{os.urandom(3).hex()}"
        self.client().create_bucket(Bucket=bucket)
        return BucketPath(bucket, "some/data")

    def client(self) -> S3Client:
        """A plain client, which knows nothing of ours."""
        stated = self.environment
        return boto3.client(
            "s3",
            endpoint_url=stated["AWS_ENDPOINT_URL_S3"],
            aws_access_key_id=stated["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=stated["AWS_SECRET_ACCESS_KEY"],
            region_name=stated["AWS_DEFAULT_REGION"],
        )


@contextmanager
def server(log: Path) -> Iterator[Server]:
    """Start one, and stop it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "scripts.s3_server", str(port)], cwd=ROOT, stdout=out, stderr=out
        )
        try:
            one = Server(port)
            _wait(one, process, log)
            yield one
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _wait(one: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    def answers() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            one.client().list_buckets()
        except (BotoCoreError, ClientError):
            return False
        return True

    until(answers, log.read_text)


def files(place: BucketPath) -> dict[str, bytes]:
    """All that lies below a place."""
    return {path.relative_to(place).as_posix(): S3(path).read() for path, _ in S3(place).files()}
