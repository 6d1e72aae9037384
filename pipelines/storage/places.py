"""Where files lie: a place is the name of a file or folder, on a disk or in a bucket, and `at` a place is
done what `Backend` says.
"""

from __future__ import annotations

from pathlib import Path

from pipelines.core.errors import BadInput
from pipelines.storage.backends.bucket_path import BucketPath
from pipelines.storage.backends.local import Local
from pipelines.storage.backends.protocol import Backend, Place
from pipelines.storage.backends.s3 import S3

__all__ = ["Place", "at", "of"]


def of(stated: str, setting: str, root: Path) -> Place:
    """Where an address or a path leads; a relative path begins at `root`.

    Raises:
        BadInput: it begins like an address, and is not one of a bucket.
    """
    if "://" not in stated:
        return (root / stated).resolve()
    if not stated.startswith("s3://"):
        raise BadInput(
            f"{stated.split('://', maxsplit=1)[0]}:// is no kind of storage",
            where=setting,
            allowed="a folder of this machine, or s3://<bucket>/<prefix>",
            fix=(
                f"correct {setting}; many stores (Google's, MinIO, Ceph) speak S3: AWS_ENDPOINT_URL_S3 says"
                " where they are"
            ),
        )
    return BucketPath.of(stated, setting)


def at(place: Place) -> Backend:
    """What can be done there: the one place that asks which kind it is."""
    return S3(place) if isinstance(place, BucketPath) else Local(place)
