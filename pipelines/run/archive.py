"""The use-case files that runs have gone by, kept beside the tables: `data/<use case>/files/<sha256>.yaml`.

A run takes the file as it is when its first step begins. The first table's manifest names its sha256, and
every later task of the run goes by that content, whatever becomes of the file meanwhile.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from pipelines.core import use_cases
from pipelines.core.config import Kind
from pipelines.core.errors import BadUseCase, TableCorrupt
from pipelines.core.use_cases import Loaded
from pipelines.storage import manifest, places

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.run.run import Run
    from pipelines.storage.places import Place
    from pipelines.storage.settings import Settings

FILES = "files"  # of a use case, beside its tables
# the table that names a run's file
FIRST: dict[Kind, str] = {"training": "raw", "scoring": "raw", "drift": "drift"}
SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
BY_VERSION = re.compile(rb"# Definitions of version (\S+) ")  # what a file that was put together begins with


def keep(run: Run) -> None:
    """Keep the run's file by its sha256, so that whoever meets that in a manifest finds it."""
    place = places.at(_place(run.settings, run.use_case.name, run.loaded.sha256))
    if not place.is_file() or place.read() != run.loaded.content:
        place.publish(run.loaded.content)


def file_of_run(settings: Settings, name: str, kind: Kind, folder: Place) -> Loaded | None:
    """The file of the run whose first table lies in a partition's folder; None where there is no such table.

    Raises:
        TableCorrupt: the file is gone, or is not what was kept.
    """
    first = manifest.current(folder / FIRST[kind])
    return None if first is None else kept_file(settings, name, first.use_case)


def kept_file(settings: Settings, name: str, sha256: str) -> Loaded:
    """A file as it once was.

    Raises:
        TableCorrupt: it is gone, or is not what was kept.
    """
    path = settings.use_cases / f"{name}.yaml"
    try:
        content = places.at(_place(settings, name, sha256)).read()
    except OSError as error:  # gone, or a folder
        if (there := _present(path)) and there.sha256 == sha256:  # of a run before files were kept
            return there
        raise TableCorrupt(
            f"the use-case file {sha256[:12]} that a run went by is gone from"
            f" {_place(settings, name, sha256).parent}",
            where=name,
            fix="bring it back from a backup, or run the partition again from its first step",
        ) from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise TableCorrupt(
            f"the use-case file that was kept as {sha256[:12]} is not that file any more",
            where=name,
            fix="bring it back from a backup, or run the partition again from its first step",
        )
    return use_cases.parse(path, content, kept=True)


def made_by(loaded: Loaded) -> str | None:
    """The version whose definitions a file holds that was put together.

    None of a file that a person wrote.
    """
    found = BY_VERSION.match(loaded.content)
    return found[1].decode() if found else None


def present(run: Run) -> Loaded | None:
    """The file as it is now; None where it is gone or says what cannot be."""
    return _present(run.settings.use_cases / f"{run.use_case.name}.yaml")


def _present(path: Path) -> Loaded | None:
    try:
        return use_cases.load_file(path)
    except (BadUseCase, OSError):
        return None


def _place(settings: Settings, name: str, sha256: str) -> Place:
    if not SHA256.fullmatch(sha256):
        raise TableCorrupt(
            f"a manifest names the use-case file {sha256!r:.80}, which is no sha256",
            where=name,
            fix="run the partition again",
        )
    return settings.data / name / FILES / f"{sha256}.yaml"
