"""How much a run may take."""

from __future__ import annotations

from pydantic import ByteSize, Field

from pipelines.core.strict import Strict

LEAST = ByteSize(500_000_000)  # Python with the libraries of a step takes most of that
MOST = ByteSize(10**15)


class Delivery(Strict):
    """How much may come of a source in one delivery: a file (or an archive's member), a query's answer, a
    day's table. More is refused.

    The defaults lie far above what is delivered by day; they are there so that a mistake, or malice, ends in
    a sentence before it ends in a full disk. Lower ones than that are worth their line where deliveries are
    known to be small.
    """

    bytes: ByteSize = Field(
        default=ByteSize(100_000_000_000),
        ge=1,
        le=MOST,
        description="As it is delivered: on the wire, or of a file on the disk, packed or not.",
    )
    unpacked_bytes: ByteSize = Field(
        default=ByteSize(500_000_000_000),
        ge=1,
        le=MOST,
        description=(
            "After it is unpacked: out of .gz or .zst, an archive, or the columns of a Parquet file. Counted"
            " while it is unpacked."
        ),
    )
    ratio: int = Field(
        default=250,
        ge=1,
        description="How many times as large it may become by that, where it becomes larger than 10 MB.",
    )
    rows: int = Field(default=1_000_000_000, ge=1, description="Of one delivery.")
    columns: int = Field(
        default=2_000,
        ge=1,
        description="Judged by the header, or the first look at it, before any row is read.",
    )
    seconds: int = Field(
        default=6 * 3600,
        ge=1,
        description="From the first request to the last byte of a download, or the last row of a query.",
    )


class Limits(Strict):
    """How much a run may take, and how little may come."""

    memory: ByteSize = Field(
        default=ByteSize(2_000_000_000),
        ge=LEAST,
        le=MOST,
        description=(
            "What a task of ingest, cleanse, features, score, publish, drift or a gate may hold at most, such"
            " as 2GB; at least 500MB. What is larger goes through the disk. Fitting models is not bounded"
            " by it."
        ),
    )
    shard_rows: int = Field(
        default=1_000_000,
        ge=1,
        description=(
            "The rows that one task scores, rounded up to whole row groups; a larger night is split"
            " into shards, a task each."
        ),
    )
    empty_nights: bool = Field(
        default=False, description="Whether a night without any row is in order. If not, it is red."
    )
    delivery: Delivery = Delivery()
