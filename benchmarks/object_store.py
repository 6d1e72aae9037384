"""boto3, by which tables lie in a bucket, beside obstore (Rust's object_store), on moto's server.

pip install --no-deps --target /tmp/obstore obstore
PYTHONPATH=.:/tmp/obstore python -m benchmarks.object_store
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import timeit
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

from pipelines.storage.backends.bucket_path import BucketPath
from pipelines.storage.backends.s3 import S3
from tests.helpers.s3 import Server, server

SMALL, LARGE, TIMES = 2_000, 64_000_000, 200
PYTHON = (sys.executable, "-c")
Ask: TypeAlias = Callable[[], object]


def obstore_of(bucket: BucketPath, stated: dict[str, str]) -> Any:
    """Obstore's store, set as boto3's client is."""
    return import_module("obstore.store").S3Store(
        bucket.bucket,
        endpoint=stated["AWS_ENDPOINT_URL_S3"],
        access_key_id=stated["AWS_ACCESS_KEY_ID"],
        secret_access_key=stated["AWS_SECRET_ACCESS_KEY"],
        region=stated["AWS_DEFAULT_REGION"],
        client_options={"allow_http": True},
        retry_config={"max_retries": 10, "retry_timeout": timedelta(seconds=60)},
    )


def came_of(ask: Ask) -> str:
    """Which error, if any."""
    try:
        ask()
    except Exception as error:  # noqa: BLE001 (which one is the question)
        return type(error).__name__
    return "done"


def winners_of(create: Ask) -> str:
    """How many of eight that create one object at once are told that they have."""
    with ThreadPoolExecutor(8) as pool:
        return str(list(pool.map(lambda _: came_of(create), range(8))).count("done"))


def took(ask: Ask, times: int = TIMES) -> str:
    """The median of some tries."""
    return f"{statistics.median(timeit.repeat(ask, number=1, repeat=times)) * 1000:.1f} ms"


took_few = partial(took, times=3)


def forked(ask: Ask) -> str:
    """What comes of it in a process that was forked from one that has asked before."""
    ask()
    if not (child := os.fork()):
        ask()
        os._exit(0)
    time.sleep(10)
    if os.waitpid(child, os.WNOHANG) != (0, 0):
        return "answers"
    os.kill(child, signal.SIGKILL)
    return "hangs"


def main() -> None:
    """Print a table."""
    with tempfile.TemporaryDirectory() as folder, server(Path(folder) / "log") as one:
        os.environ.update(one.environment)
        print(f"{'':<44}{'boto3':>22}{'obstore':>22}")
        for what, ours, theirs in rows(one, Path(folder)):
            print(f"{what:<44}{ours:>22}{theirs:>22}")


def rows(one: Server, folder: Path) -> list[tuple[str, str, str]]:
    """What, by boto3, by obstore."""
    o, bucket = import_module("obstore"), one.bucket("measured")
    theirs, ours = obstore_of(bucket, one.environment), S3(bucket / "x")
    nobody = obstore_of(BucketPath("nobodys"), one.environment)
    (large := folder / "large").write_bytes(os.urandom(LARGE))
    ours.publish(b"old")
    o.put(theirs, "y", b"old")
    tag, stale = ours.tagged()[1], {"e_tag": o.head(theirs, "y")["e_tag"]}
    ours.publish(b"newer")
    o.put(theirs, "y", b"newer")
    asked: list[tuple[str, Callable[..., str], Ask, Ask]] = [
        ("winners of 8 that create at once", winners_of, lambda: S3(bucket / "r").create(b""), lambda: o.put(theirs, "r", b"", mode="create")),
        ("If-Match of what has changed", came_of, lambda: ours.swap(b"!", tag), lambda: o.put(theirs, "y", b"!", mode=stale)),
        ("If-Match of what is gone", came_of, lambda: S3(bucket / "z").swap(b"!", tag), lambda: o.put(theirs, "z", b"!", mode=stale)),
        ("no such object", came_of, S3(bucket / "z").read, lambda: o.get(theirs, "z")),
        ("no such bucket", came_of, S3(BucketPath("nobodys", "z")).read, lambda: o.get(nobody, "z")),
        (f"put of {SMALL:,} bytes", took, lambda: ours.publish(b"x" * SMALL), lambda: o.put(theirs, "y", b"x" * SMALL)),
        ("get of the same", took, ours.read, lambda: o.get(theirs, "y").bytes()),
        (f"put of a file of {LARGE:,} bytes", took_few, lambda: ours.put(large), lambda: o.put(theirs, "l", large)),
        ("get of the large object" , took_few, lambda: S3(bucket / "x").download(folder / "back"), lambda: (folder / "back").write_bytes(o.get(theirs, "l").bytes())),
        ("get after a fork", forked, ours.read, lambda: o.get(theirs, "y").bytes()),
        ("import, and a client", took_few, partial(subprocess.run, [*PYTHON, "import boto3; boto3.client('s3')"]), partial(subprocess.run, [*PYTHON, "import obstore.store"])),
    ]  # fmt: skip
    return [(what, how(by_ours), how(by_theirs)) for what, how, by_ours, by_theirs in asked]


if __name__ == "__main__":
    main()
