"""Versions of training data, in DVC: content-addressed, without git, one writer at a time.

The DVC root is the data root (`dvc init --no-scm`), so no run makes a commit and no commit is needed to get
back: a version is its md5. `snapshot.json` beside the tables says which version a training is now,
`versions/` which it ever was. DVC copies (or reflinks) between its cache and the tables, so the store may
replace its files as before.

Where the data root is a bucket, the remote lies in it, and the DVC root is a folder of the task's own, which
is gone with it: what is named by its content needs no lock, whoever pushes it.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from dvc.exceptions import CheckoutError, DvcException
from dvc_objects.errors import ObjectFormatError

from pipelines.core.errors import BadInput, TableCorrupt, TryAgain
from pipelines.registry import dvc_root, versions
from pipelines.registry.versions import FILE, Snapshot
from pipelines.run.run import Run, lock_version
from pipelines.storage import kept, places
from pipelines.storage.settings import Settings
from pipelines.storage.store import Store, as_json

# its import has set another level; what a person wants to know is told by us
logging.getLogger("dvc").setLevel(logging.WARNING)
TABLE = "features"
KEPT = "kept_version"  # in a graph's metadata: whose model it is, where a training has kept one
# of which features can be made again, if it is asked what a model was trained on
MADE_OF = ("raw", "past_raw")


def publish(run: Run) -> Snapshot:
    """Keep the partition's features, and the raw rows that they were made of, as versions, in the cache and
    at the remote.

    The same features are the same version.

    Raises:
        TryAgain: another writer holds the lock for too long, or the remote cannot be reached.
        TableMissing: there are no features yet.
    """
    run.store.manifest(TABLE)  # says so when there is nothing to keep
    tables = [TABLE, *(table for table in MADE_OF if run.store.has(table))]
    with dvc_root.open_repository(run.settings) as repo:
        folder = Path(repo.root_dir) / run.store.where
        places.at(folder / ".dvcignore").publish(_dvcignore(run.store, tables))
        kept = {table: _add_to_dvc(repo, run.store, folder / table) for table in tables}
    for table in tables[
        1:
    ]:  # rows that are delivered twice go by the order in which they came: that of the parts, and within them
        order = [part.file for part in run.store.manifest(table).parts]
        run.store.write_file(f"raw_versions/{kept[table].hash_info.value}.json", as_json({"parts": order}))
    features = kept[TABLE]
    version = Snapshot(
        md5=features.hash_info.value,
        size=features.meta.size,
        nfiles=features.meta.nfiles,
        path=f"{run.store.where}/{TABLE}",
        partition=run.partition,
        made_of={table: kept[table].hash_info.value for table in tables[1:]},
    )
    run.store.write_file(f"versions/{version.md5}.json", version.as_json())
    run.store.write_file(FILE, version.as_json())
    return version


def _dvcignore(store: Store, tables: Sequence[str]) -> bytes:
    """What DVC is to overlook: a folder may hold parts of before, and a version is not to depend on what was
    there before it.
    """
    lines = [
        f"/{table}/*\n" + "\n".join(f"!/{table}/{part.file}" for part in store.manifest(table).parts)
        for table in tables
    ]
    return "\n".join(lines).encode()


def _add_to_dvc(repo: Any, store: Store, folder: Path) -> Any:
    """Give a table to DVC; what it says of it."""
    if not folder.is_dir():  # a bucket's tables are brought; on a disk they lie in the repository
        store.bring(folder.name, folder)
    # DVC writes it in place, and reads it first: a kill may have left half of it
    folder.with_suffix(".dvc").unlink(missing_ok=True)
    try:
        (stage,) = repo.add([str(folder)])
        repo.push([stage.addressing])
    except (DvcException, ObjectFormatError) as error:
        raise TryAgain(f"DVC could not keep {folder}: {error}", where=store) from error
    return stage.outs[0]


def lineage(run: Run) -> dict[str, str]:
    """What is written into a model's metadata, so that it can be traced and made again."""
    data, keep = versions.of(run.store), run.use_case.candidates.keep
    return {
        "use_case": run.use_case.name,
        "use_case_sha256": run.loaded.sha256,
        "training_partition": run.partition.isoformat(),
        "data_version": data.md5,
        **{f"{table}_version": md5 for table, md5 in data.made_of.items()},
        "code": run.store.version.code,
        "lock": lock_version(),
        "seed": str(run.use_case.candidates.seed),
        **({KEPT: keep.version} if keep else {}),
    }


def restore(settings: Settings, use_case: str, partition_or_md5: str, dest: Path) -> Path:
    """Bring a version back into a new folder; the tables in use stay as they are.

    Args:
        settings: where data and DVC lie.
        use_case: whose data.
        partition_or_md5: a training partition (its current version), or the md5 of any version that the
            remote holds.
        dest: a folder that does not exist yet.

    Returns:
        The folder, which holds the table's parts.

    Raises:
        BadInput: no such version, or the folder exists.
        TableCorrupt: what came back is not the version.
    """
    md5 = _md5(settings, use_case, partition_or_md5)
    if dest.exists():
        raise BadInput(
            f"{dest} exists already", fix="name a folder that does not, so that nothing is overwritten"
        )
    dest.parent.mkdir(parents=True, exist_ok=True)
    with (
        dvc_root.open_repository(settings) as repo,
        tempfile.TemporaryDirectory(prefix=".restore-", dir=repo.root_dir) as folder,
    ):
        pointer = Path(folder) / f"{TABLE}.dvc"
        pointer.write_text(f"outs:\n- md5: {md5}\n  hash: md5\n  path: {TABLE}\n")
        try:
            repo.pull([str(pointer)])
        except (CheckoutError, ObjectFormatError) as error:
            raise BadInput(
                f"version {md5} is neither in DVC's cache nor at its remote ({_remote(repo)})",
                where=use_case,
                fix="bring DVC's cache or its remote back from a backup",
            ) from error
        (out,) = repo.stage.load_one(str(pointer)).outs
        if out.get_hash().value != md5:
            raise TableCorrupt(
                f"what DVC brought back for {md5} is {out.get_hash().value}; the remote ({_remote(repo)})"
                " is damaged",
                where=use_case,
                fix="bring the remote back from a backup",
            )
        _move(Path(folder) / TABLE, dest)
    return dest


@dataclass(frozen=True)
class _Order:
    """The files of a version of raw rows, in the order of their delivery."""

    parts: tuple[str, ...]


@contextmanager
def raw_rows(run: Run, md5: str) -> Iterator[duckdb.DuckDBPyRelation]:
    """The raw rows of a version, in the order in which they were delivered.

    `run` is the training's, or one of its partition.

    Raises:
        BadInput, TableMissing: nobody has it any more.
        TableCorrupt: what came back is not the version.
    """
    place = f"raw_versions/{md5}.json"
    order = kept.read(
        _Order, run.store.read_file(place), run.store.folder / place, "bring it back from a backup"
    ).parts
    with tempfile.TemporaryDirectory(prefix=".rows-", dir=places.at(run.store.root).scratch()) as folder:
        parts = restore(run.settings, run.use_case.name, md5, Path(folder) / TABLE)
        yield run.store.connection.read_parquet([f"{parts}/{file}" for file in order])


@contextmanager
def rows(run: Run, md5: str) -> Iterator[duckdb.DuckDBPyRelation]:
    """The rows of a version, as they were then, whatever has become of the partition's tables since.

    Raises:
        BadInput: neither DVC's cache nor its remote has it.
        TableCorrupt: what came back is not the version.
    """
    with tempfile.TemporaryDirectory(prefix=".rows-", dir=places.at(run.store.root).scratch()) as folder:
        parts = restore(run.settings, run.use_case.name, md5, Path(folder) / TABLE)
        yield run.store.connection.read_parquet(f"{parts}/*.parquet")


def _md5(settings: Settings, use_case: str, wanted: str) -> str:
    known = versions.every(settings, use_case)
    for version in reversed(known):  # the current version of a partition comes last
        if wanted in (str(version.partition), version.md5, version.md5.removesuffix(".dir")):
            return version.md5
    if re.fullmatch(r"[0-9a-f]{32}(\.dir)?", wanted):  # a model's lineage may outlive the list
        return f"{wanted.removesuffix('.dir')}.dir"
    raise BadInput(
        f"no version {wanted!r}; there {'are' if known else 'is none yet'}",
        where=use_case,
        details=(f"{version.partition}  {version.md5}" for version in reversed(known)),
        fix="name one of these" if known else "run a training first",
    )


def _move(source: Path, dest: Path) -> None:
    """Let the folder appear whole, also when it lies on another disk."""
    draft = dest.parent / f".{dest.name}-{os.getpid()}"
    shutil.move(source, draft)
    draft.rename(dest)


def _remote(repo: Any) -> str:
    config = repo.config
    return str(config["remote"].get(config["core"].get("remote"), {}).get("url", "none"))
