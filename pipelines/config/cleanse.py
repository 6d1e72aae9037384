"""What is repaired within a row, and which rows go to quarantine."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipelines.config.base import Identifier, Scalar, Share, Strict


class Cleanse(Strict):
    """Row-wise repairs, in the order of these keys. What must be learned from many rows stands in `prepare`."""

    rename: dict[str, Identifier] = Field(default={}, description="Source column -> column. The schema speaks of the new names.")
    trim: bool = Field(default=True, description="Strip white space around strings and fold runs of it into one blank.")
    lower: tuple[Identifier, ...] = Field(default=(), description="String columns that are brought to lower case.")
    missing: dict[Identifier, tuple[Scalar, ...]] = Field(
        default={},
        description="Column -> codes that mean missing, such as -999 or 'unknown'; ' ' is a cell of blanks. An empty cell of a CSV file is missing anyway.",
    )
    merge: dict[Identifier, dict[str, tuple[str, ...]]] = Field(
        default={}, description="Column -> {spelling to keep: spellings to merge into it}."
    )
    fill: dict[Identifier, Scalar] = Field(default={}, description="Column -> constant for a missing value.")
    drop: tuple[Identifier, ...] = Field(
        default=(),
        description="Columns whose missing value sends the row to quarantine; for the label: the row is scored at night like any other, and teaches and judges nothing in training.",
    )
    rules: dict[Identifier, str] = Field(
        default={}, description="Reason -> SQL condition that a good row fulfils (null counts as fulfilled); other rows go to quarantine."
    )
    duplicates: Literal["first", "last", "quarantine"] = Field(
        default="first", description="Rows with the same key: keep the first or last by time, or send all but the first to quarantine."
    )
    max_quarantined: Share = Field(default=0.05, description="A greater share of rows in quarantine turns gate_clean red.")
