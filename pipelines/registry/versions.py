"""Which versions of training data there are: what `snapshot` has written down of them, read without DVC."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from pipelines.core.config.base import PartitionName
from pipelines.storage import kept, places
from pipelines.storage.places import Place
from pipelines.storage.settings import Settings
from pipelines.storage.store import Store, as_json

FILE = "snapshot.json"


@dataclass(frozen=True)
class Snapshot:
    """One version of one training's features."""

    md5: str  # of DVC's list of the files, hence with the ending .dir
    size: int  # bytes
    nfiles: int
    path: str  # of the table, below the data root
    partition: PartitionName
    # table -> the md5 of the version that these features were made of
    made_of: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """One line for a person."""
        return f"{self.partition}  {self.md5}  {self.size:>12,} bytes"

    @classmethod
    def from_json(cls, content: bytes, place: object = FILE) -> Snapshot:
        """Read what `publish` wrote.

        Raises:
            TableCorrupt: it is damaged.
        """
        return kept.read(
            cls,
            content,
            place,
            "run the step snapshot of that training again; the same features are the same version",
        )

    def as_json(self) -> bytes:
        """What is kept of a version."""
        return as_json({**asdict(self), "partition": self.partition.isoformat()})


def of(store: Store) -> Snapshot:
    """The version that a training's features are now.

    Raises:
        TableMissing: the snapshot step has not run for this partition.
    """
    return Snapshot.from_json(store.read_file(FILE), store.folder / FILE)


def every(settings: Settings, use_case: str) -> list[Snapshot]:
    """Every version of a use case's training data, in order of partition.

    The current one of a partition last.
    """
    found = []
    for file in places.at(settings.data / use_case / "training").glob("*/versions/*.json"):
        version = Snapshot.from_json(places.at(file).read(), file)
        found.append((version.partition, version == _current(file.parent.parent), version.md5, version))
    return [version for *_, version in sorted(found, key=lambda entry: entry[:3])]


def _current(folder: Place) -> Snapshot | None:
    try:
        return Snapshot.from_json(places.at(folder / FILE).read(), folder / FILE)
    except FileNotFoundError:
        return None
