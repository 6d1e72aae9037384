"""The DVC repository of a data root: made once, whole, and mended where an earlier process was killed while
it made it.

It is made in a folder aside and renamed: `.dvc` is there with its remote, or not at all. What DVC itself
writes in place (its configuration, the pointer beside a table) is looked at before each use, and made again
where a kill has left half of it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from configobj import ConfigObj, ConfigObjError  # type: ignore[import-untyped]
from dvc.config import ConfigError
from dvc.lock import LockError
from dvc.repo import Repo
from dvc_data.hashfile.db.local import LocalHashFileDB
from filelock import FileLock, Timeout

from pipelines.core.errors import TableCorrupt, TryAgain
from pipelines.storage import disk, places
from pipelines.storage.settings import Settings

# its import has set another level; what a person wants to know is told by us
logging.getLogger("dvc").setLevel(logging.WARNING)
REMOTE = ".dvc_remote"  # in a bucket
PATIENCE = 600  # seconds to wait for another writer; a gigabyte takes about four
MAKING = ".dvc-making-"
# The rows are the version. What a manifest says of the code that made them would make it another one with
# each commit.
NO_ROWS = (b"manifest.json", b".draft-*")
CORE = {"no_scm": "True", "analytics": "False", "check_update": "False", "autostage": "False"}
LocalHashFileDB.CACHE_MODE = (
    0o400  # what lies in the cache, and at a remote of this machine, are rows: not for everybody (DVC: 0o444)
)


@contextmanager
def open_repository(settings: Settings) -> Iterator[Any]:
    """The DVC repository of the data root, made on first use, for one process at a time.

    Of a bucket, one of this task's own.

    Raises:
        TableCorrupt: DVC's configuration is damaged.
        TryAgain: another process writes versions for too long.
    """
    if in_bucket := places.at(settings.data / REMOTE).dvc_remote():
        with tempfile.TemporaryDirectory(prefix="dvc-", dir=places.at(settings.data).scratch()) as folder:
            _make(Path(folder), "bucket", in_bucket["url"])
            # The secret stays in memory.
            with Repo(folder, config={"remote": {"bucket": dict(in_bucket)}}) as repo:
                yield repo
        return
    root = settings.disk
    root.mkdir(parents=True, exist_ok=True)
    try:
        # DVC's own lock gives up after seconds, and its index of the cache does not take several writers.
        with FileLock(root / ".snapshot.lock", timeout=PATIENCE):
            # A default that works at once; `dvc remote add --default` in the data root puts another one in
            # its place.
            remote = str(settings.var / "dvc_remote")
            _make_or_mend(root, "local", remote)
            for kept in (root / ".dvc", Path(remote)):
                _private(kept)
            for kept in (root / ".dvc" / "cache", Path(remote)):
                _mend_objects(kept / "files" / "md5")
            # DVC's index of what it has seen is its own for each user of a machine, by default below
            # /var/tmp.
            site = {"core": {"site_cache_dir": str(settings.var / "dvc_site")}}
            # DVC would let everybody write there
            (settings.var / "dvc_site" / "repo").mkdir(parents=True, exist_ok=True)
            with Repo(str(root), config=site) as repo:
                yield repo
    except (Timeout, LockError) as error:
        raise TryAgain(f"another process has been writing DVC versions in {root} for {PATIENCE} s") from error
    except ConfigError as error:
        raise _corrupt(root / ".dvc" / "config", error) from error


def _make_or_mend(root: Path, remote: str, url: str) -> None:
    for left in root.glob(f"{MAKING}*"):  # of a process that was killed: we hold the lock
        shutil.rmtree(left)
    if (before := _content(root / ".dvcignore")) != (ignoring := _ignoring(before)):
        disk.publish(root / ".dvcignore", ignoring)
    if not (root / ".dvc").is_dir():
        with tempfile.TemporaryDirectory(prefix=MAKING, dir=root) as folder:
            _make(Path(folder), remote, url)
            (Path(folder) / ".dvc").rename(root / ".dvc")
        return
    config = root / ".dvc" / "config"
    if (before := _content(config)) != (whole := _configuration(config, before, remote, url)):
        disk.publish(config, whole)
    _mend_lock(root / ".dvc" / "tmp" / "rwlock")


def _make(folder: Path, remote: str, url: str) -> None:
    """What `dvc init --no-scm` makes, with a remote."""
    config = folder / ".dvc" / "config"
    config.parent.mkdir()
    disk.publish(config, _configuration(config, b"", remote, url))
    disk.publish(folder / ".dvcignore", _ignoring(b""))


def _configuration(path: Path, before: bytes, remote: str, url: str) -> bytes:
    """DVC's configuration with a default remote.

    What stands there already is kept, to the byte where nothing is missing.
    """
    try:
        config = ConfigObj(before.decode().splitlines(), interpolation=False, encoding="utf-8")
        core = config.setdefault("core", {})
        missing = {name: value for name, value in CORE.items() if name not in core}
        core.update(missing)
        named = core.get("remote", remote)
        if "url" not in config.get(f'remote "{named}"', {}):
            missing["remote"] = core["remote"] = remote
            config[f'remote "{remote}"'] = {"url": url}
    except (ConfigObjError, UnicodeDecodeError, AttributeError) as error:
        raise _corrupt(path, error) from error
    if not missing:
        return before
    # Not by DVC, which writes in place, and in ASCII.
    made = BytesIO()
    config.write(made)
    return made.getvalue()


def _ignoring(before: bytes) -> bytes:
    known = before.splitlines()
    return before + b"".join(line + b"\n" for line in NO_ROWS if line not in known)


def _mend_lock(lock: Path) -> None:
    """Forget who was killed while it held DVC's own lock, which names holders by process ids that others may
    have by now.

    Whoever is no `dvc` run by hand held our lock, too, and is gone. A kill may also have left half of the
    file.
    """
    if not lock.is_file():
        return
    try:
        found = json.loads(lock.read_bytes())
        held = [
            *found["write"].values(),
            *(holder for holders in found["read"].values() for holder in holders),
        ]
        if any(Path(holder["cmd"].split(" ")[0]).name == "dvc" for holder in held):
            return
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    lock.unlink()


def _private(folder: Path) -> None:
    """Close what an earlier version of Sluice has left open to every user of the machine."""
    if folder.is_dir() and folder.stat().st_mode & 0o077:
        folder.chmod(0o700)


def _mend_objects(folder: Path) -> None:
    """Remove what a killed process has left half of: DVC writes an object in its place, and protects it when
    it is whole.

    It would take the half one for a damaged one, and give up.
    """
    for path in folder.glob("*/*"):
        if stat.S_IMODE(path.stat().st_mode) == LocalHashFileDB.CACHE_MODE:
            continue
        with path.open("rb") as file:
            whole = (
                hashlib.file_digest(file, "md5").hexdigest()
                == f"{path.parent.name}{path.name.removesuffix('.dir')}"
            )
        if whole:
            path.chmod(LocalHashFileDB.CACHE_MODE)
        else:
            path.unlink()


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _corrupt(config: Path, error: Exception) -> TableCorrupt:
    return TableCorrupt(
        f"DVC's configuration cannot be read: {str(error).splitlines()[0]}",
        where=config,
        fix="correct it, or remove the file: the next training makes it anew, and the versions stay",
    )
