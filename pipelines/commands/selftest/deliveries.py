"""Deliveries that did not arrive as they were sent: cut off, with a flipped bit, in another encoding.

The stage delivers Parquet. Here the night comes as text instead, as most sources give it, with the days that
it looks back on.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from pipelines.commands.selftest.damage import Damage
from pipelines.core import dates
from pipelines.core.config import FileFormat, FileSource

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.commands.selftest.stage import Stage
    from pipelines.run.run import Run

Harm = Callable[[bytes], bytes]
TRAILER = 8  # bytes of a .gz that say what its content's checksum and length are


def every(stage: Stage) -> Iterator[Damage]:  # noqa: ARG001 -- of any use case
    """Text files that are no longer what they were."""
    harms: dict[str, tuple[str, Harm]] = {
        "cut off": (".csv.gz", _half),
        "without its checksum": (".csv.gz", lambda file: file[:-TRAILER]),
        "a bit flipped": (".csv.gz", _flip_bits),
        "its last byte cut off": (".csv.zst", lambda file: file[:-1]),
        "half a last line": (".csv", _half_a_line),
        "in UTF-16": (".csv", lambda file: file.decode().encode("utf-16")),
    }
    for what, (suffix, harm) in harms.items():
        do = partial(deliver, suffix=suffix, harm=harm)
        yield Damage(f"delivered as {suffix}: {what}", "scoring", do, stopped_by="ingest")


def deliver(stage: Stage, suffix: str, harm: Harm) -> Run:
    """Let the source deliver text files; the night's own suffers harm."""
    folder = stage.folder / "delivered"
    past = dates.past_of(stage.use_case, "scoring", stage.night)
    for day in (*(past or ()), stage.night):
        rows = stage.run_.store.connection.read_parquet(str(stage.folder / "source" / f"{day}.parquet"))
        path = folder / f"{day}.csv"
        rows.to_csv(str(path))
        _pack(path, folder / f"{day}{suffix}")
    night = folder / f"{stage.night}{suffix}"
    night.write_bytes(harm(night.read_bytes()))
    source = FileSource(
        kind="file", path=str(folder / f"{{partition}}{suffix}"), format=FileFormat(type="csv")
    )
    return stage.run("scoring", loaded=stage.edited(source=source))


def _pack(path: Path, target: Path) -> None:
    content = path.read_bytes()
    match target.suffix:
        case ".gz":
            target.write_bytes(gzip.compress(content, mtime=0))
        case ".zst":
            with pa.CompressedOutputStream(str(target), "zstd") as sink:
                sink.write(content)


def _half(file: bytes) -> bytes:
    return file[: len(file) // 2]


def _flip_bits(file: bytes) -> bytes:
    middle = len(file) // 2
    return file[:middle] + bytes([file[middle] ^ 1]) + file[middle + 1 :]


def _half_a_line(file: bytes) -> bytes:
    """Cut off after the first value of the last line."""
    last = file.rstrip(b"\n").rindex(b"\n") + 1
    return file[: file.index(b",", last)]
