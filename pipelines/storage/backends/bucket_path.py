"""Names of objects in a bucket."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from pipelines.core.errors import BadInput

SCHEME = "s3://"
URL = re.compile(
    r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<key>[\w.=-]+(?:/[\w.=-]+)*))?/?", re.ASCII
)


@dataclass(frozen=True)
class BucketPath:
    """The name of an object, or of what lies below it, in the way of `pathlib.PurePath`."""

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
                f"{url!r} is no address of a bucket",
                where=setting,
                allowed="s3://<bucket> or s3://<bucket>/<prefix>, in letters, digits and _ . = -",
                fix=f"set {setting} to such an address, or to a folder of this machine",
            )
        return cls(match["bucket"], match["key"] or "")

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.key}".rstrip("/")

    def __truediv__(self, below: str | PurePosixPath) -> BucketPath:
        parts = PurePosixPath(below)
        if parts.is_absolute() or ".." in parts.parts:
            raise ValueError(f"{below}: not below {self}")
        return BucketPath(
            self.bucket, str(PurePosixPath(self.key) / parts) if self.key else str(parts).removeprefix(".")
        )

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
