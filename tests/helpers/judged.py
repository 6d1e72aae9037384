"""Evidence of a gate for tests that are about what stands behind it: as a gate would have left it for a good
table.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.core.config import GatedTable
from pipelines.storage import kept
from pipelines.storage.store import Store, as_json


def evidence(
    store: Store, table: GatedTable, pieces: Sequence[str] = (), own: int = 0, **other: object
) -> dict[str, object]:
    """What a gate says that has let the table through as it is now, by `own` expectations of the file.

    Or something `other`.
    """
    wheres = ["built in", *(f"gates.{table}.{n}" for n in range(own))]
    return {
        "gate": f"gate_{table} of {store}",
        "passed": True,
        "digest": store.digest(table, pieces),
        "use_case": store.manifest(f"{table}/{pieces[0]}" if pieces else table).use_case,
        "refusal": None,
        "note": None,
        "findings": [{"where": where, "severity": "stop", "success": True} for where in wheres],
        **other,
    }


def clearance(
    store: Store, table: GatedTable, pieces: Sequence[str] = (), own: int = 0, **other: object
) -> None:
    """Leave that evidence."""
    store.write_file(f"gates/{table}.json", as_json(kept.seal(evidence(store, table, pieces, own, **other))))
