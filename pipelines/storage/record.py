"""What a task has read of a store: what the tables that it writes cite."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipelines.storage.manifest import Manifest
from pipelines.storage.places import Place


@dataclass(frozen=True)
class Record:
    """What one task has read, of all partitions.

    Each manifest is read once: what the task's gate has let through, what it reads and what it cites is one
    and the same, whatever is published meanwhile.
    """

    inputs: dict[str, str] = field(default_factory=dict)  # <kind>/<partition>/<table or file> -> its digest
    manifests: dict[Place, Manifest] = field(default_factory=dict)  # of a table's folder

    def citing_nothing(self) -> Record:
        """The same manifests, with nothing read so far."""
        return Record(manifests=self.manifests)

    def forget(self, folder: Place) -> None:
        """The tables in a folder are gone."""
        for known in [known for known in self.manifests if str(known).startswith(f"{folder}/")]:
            del self.manifests[known]
