"""How much a run may take."""

from __future__ import annotations

from pydantic import ByteSize, Field

from pipelines.config.base import Strict

LEAST = ByteSize(500_000_000)  # Python with the libraries of a step takes most of that
MOST = ByteSize(10**15)


class Limits(Strict):
    """How much a run may take, and how little may come."""

    memory: ByteSize = Field(
        default=ByteSize(2_000_000_000),
        ge=LEAST,
        le=MOST,
        description="What a task of ingest, cleanse, features, score, publish, drift or a gate may hold at most, such as 2GB; at least 500MB. What is larger goes through the disk. Fitting models is not bounded by it.",
    )
    slice_rows: int = Field(
        default=1_000_000,
        ge=1,
        description="The rows that one task scores, rounded up to whole row groups; a larger night is shared out among several tasks.",
    )
    empty_nights: bool = Field(default=False, description="Whether a night without any row is in order. If not, it is red.")
