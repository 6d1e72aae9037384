"""What is repaired within a row, and which rows go to quarantine."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from pipelines.core.config.base import Identifier, Scalar
from pipelines.core.strict import Share, Strict


def _form(value: object) -> str:
    """Which way a renaming is written, so that a mistake in one is not told of all."""
    return (
        "snake_case" if isinstance(value, str) else "both" if isinstance(value, list | tuple) else "mapping"
    )


Mapped = dict[str, Identifier]
Rename = Annotated[
    Annotated[Literal["snake_case"], Tag("snake_case")]
    | Annotated[tuple[Literal["snake_case"], Mapped], Tag("both")]
    | Annotated[Mapped, Tag("mapping")],
    Discriminator(_form),
]


class Cleanse(Strict):
    """Row-wise repairs, in the order of these keys.

    What must be learned from many rows stands in `prepare`.
    """

    rename: Rename = Field(
        default={},
        description=(
            "Source column -> column; the schema speaks of the new names. `snake_case`: the source's names as"
            " they are read are brought into snake case (CustomerID: customer_id, Order Date: order_date,"
            " amountUSD: amount_usd, Größe: grosse), and everything speaks of these, `source.derive`"
            " included. Both: [snake_case, {order_date: ordered}]."
        ),
    )
    trim: bool = Field(
        default=True, description="Strip white space around strings and fold runs of it into one blank."
    )
    lower: tuple[Identifier, ...] = Field(
        default=(), description="String columns that are brought to lower case."
    )
    missing: dict[Identifier, tuple[Scalar, ...]] = Field(
        default={},
        description=(
            "Column -> codes that mean missing, such as -999 or 'unknown'; ' ' is a cell of blanks. An empty"
            " cell of a CSV file is missing anyway."
        ),
    )
    merge: dict[Identifier, dict[str, tuple[str, ...]]] = Field(
        default={}, description="Column -> {spelling to keep: spellings to merge into it}."
    )
    fill: dict[Identifier, Scalar] = Field(default={}, description="Column -> constant for a missing value.")
    drop: tuple[Identifier, ...] = Field(
        default=(),
        description=(
            "Columns whose missing value sends the row to quarantine; for the label: the row is scored at"
            " night like any other, and teaches and judges nothing in training."
        ),
    )
    rules: dict[Identifier, str] = Field(
        default={},
        description=(
            "Reason -> SQL condition that a good row fulfils (null counts as fulfilled); other rows go to"
            " quarantine."
        ),
    )
    duplicates: Literal["first", "last", "quarantine"] = Field(
        default="first",
        description=(
            "Rows with the same key: keep the first or last by time, or send all but the first to quarantine."
        ),
    )
    max_quarantined: Share = Field(
        default=0.05, description="A greater share of rows in quarantine turns gate_clean red."
    )

    @property
    def snake_case(self) -> bool:
        """Whether the source's names are brought into snake case as they are read."""
        return self.rename == "snake_case" or isinstance(self.rename, tuple)

    @property
    def renames(self) -> Mapped:
        """The name in the source, as it is read -> the schema's, for columns that have two names."""
        if isinstance(self.rename, str):
            return {}
        return self.rename[1] if isinstance(self.rename, tuple) else self.rename
