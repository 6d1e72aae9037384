"""A table, day by day, in a few numbers: what later partitions are compared with, without its rows being read
again.

A profile is made once, when the table's gate judges it, and lies beside the gate's evidence; it names the
table's digest, so one of another table is never taken for it, and bears a seal, so that a damaged one is
none, and is measured again from its table. It holds, of each day: quantiles of numbers, and of dates by how
many days they lie from their row's own; the most frequent values of categories, how much columns tell of one
another, how many rows stand there twice, and samples of hashes of rows, of halves of their columns, and of
keys, by which it is seen whether the same rows come again. Of personal categories it holds hashes; a personal
column's numbers (its quantiles, the lengths of its texts) are values of somebody, so they are never kept, but
measured anew from the table whenever they are asked for.

The sample of hashes are the smallest ones: whichever rows two days share, their samples share, too (Broder
1997, On the resemblance and containment of documents).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from pipelines.core.config import GatedTable, UseCase
from pipelines.core.config.base import PartitionName
from pipelines.core.errors import TableCorrupt, TableMissing
from pipelines.gates.earlier.day import Day, column, with_names
from pipelines.gates.earlier.measuring import complete, measure
from pipelines.gates.earlier.shape import shape
from pipelines.storage import kept
from pipelines.storage.store import as_json

if TYPE_CHECKING:
    from pipelines.storage.store import Store

FORM = 6  # of the file; one of another form is made again


@dataclass(frozen=True)
class Profile:
    """A table's days, and what made it."""

    digest: str
    use_case: str  # sha256 of the file
    days: Mapping[PartitionName, Day]
    version: str = ""  # of the model, where it is about predictions
    personal: tuple[str, ...] = ()  # columns of which no number is kept

    def with_names(self, names: Mapping[str, str], order: Sequence[str]) -> Profile:
        """The same as another file calls its columns, which may have renamed them or put them in another
        order.

        Args:
            names: What this file calls a column -> what the other one does; others keep their names, unless
                one has taken it.
            order: The other one's columns: of two that are linked, the first of them comes first.
        """
        return replace(self, days={day: with_names(found, names, order) for day, found in self.days.items()})

    def as_json(self) -> bytes:
        """What lies beside the gate's evidence: without the numbers of personal columns."""
        days = {
            day.isoformat(): asdict(
                replace(
                    found,
                    numbers={
                        name: one for name, one in found.numbers.items() if column(name) not in self.personal
                    },
                )
            )
            for day, found in self.days.items()
        }
        return as_json(kept.seal({**asdict(replace(self, days={})), **_form(), "days": days}))


def of(store: Store, use_case: UseCase, table: GatedTable) -> Profile:
    """The profile of a published table: as it lies there, or made now and left there.

    Raises:
        TableMissing, TableCorrupt: see `Store.read`.
        ValueError: the rows of the table have no days.
    """
    digest, name = store.digest(table), file_name(table)
    looked = shape(use_case, table)
    if looked is None:
        raise ValueError(f"the rows of {table} have no days")
    try:
        found = read(store.read_file(name), digest, looked.personal)
    except TableMissing:
        found = None
    if found is not None:
        # Another file may have made the same rows since, by which they may mean something else.
        found = replace(found, use_case=store.manifest(table).use_case)
        return (
            replace(found, days=complete(found.days, store.read(table), looked)) if looked.personal else found
        )
    days, version = measure(store.read(table), looked)
    made = Profile(digest, store.manifest(table).use_case, days, version, looked.personal)
    store.write_file(name, made.as_json())
    return made


def file_name(table: GatedTable) -> str:
    """Where a table's profile lies, below its partition."""
    return f"gates/{table}.profile.json"


def read(content: bytes, digest: str, personal: Sequence[str] = ()) -> Profile | None:
    """Read what `Profile.as_json` wrote, which has no number of a personal column.

    Returns:
        None if it is damaged, about another table, of another form, or if other columns than these were
        personal when it was made.
    """
    try:
        said = kept.unseal(content, "a profile", "")
        if any(
            said.get(key) != value
            for key, value in {**_form(), "digest": digest, "personal": list(personal)}.items()
        ):
            return None
        return kept.read(Profile, content, "a profile", "")
    except TableCorrupt:  # whoever asks has the table, and measures it again
        return None


def _form() -> dict[str, Any]:
    import duckdb

    return {"form": FORM, "hashed_by": f"DuckDB {duckdb.__version__}"}  # another version may hash otherwise
