"""SQLite databases of libraries, made or brought up to date aside and put in place whole: nobody ever opens
half of one.

A migration is many statements, and SQLite does not take them as one transaction: a process that is killed in
between leaves tables that the next migration finds, and fails on, for ever.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

MAKING = ".making-"
# what SQLite keeps beside a database, and would apply to another one in its place
BESIDE = ("-journal", "-wal", "-shm")


def url(path: Path) -> str:
    """The address of a database, whatever signs stand in its path: of those that mean something in an
    address, the code.
    """
    spelt = str(path).replace("%", "%25").replace("?", "%3F")
    # Where MLflow finds "sqlite:///" it makes a folder of the rest as it is spelt; the driver is what is
    # taken anyway.
    return f"sqlite{'' if spelt == str(path) else '+pysqlite'}:///{spelt}"


def path_of(address: str) -> Path | None:
    """Where the database of an address lies; None if it is none of SQLite's that lies on a disk."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        found = make_url(address)
    except ArgumentError:
        return None
    if found.get_backend_name() != "sqlite" or found.database in (None, "", ":memory:"):
        return None
    return Path(str(found.database))


def revision(path: Path) -> str | None:
    """The migration (Alembic's) that a database has come to; None if there is none, or no whole one.

    Raises:
        sqlite3.DatabaseError: the file is no database.
    """
    if not path.is_file() or not path.stat().st_size:
        return None
    with closing(
        sqlite3.connect(path)
    ) as database:  # to open it is to take back what a killed process had not committed
        try:
            found = database.execute("SELECT version_num FROM alembic_version").fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return None
            raise
    return str(found[0][0]) if len(found) == 1 else None


def holds(path: Path, *tables: str) -> bool:
    """Whether any of the tables, some of which may not be there, has a row."""
    with closing(sqlite3.connect(path)) as database:
        there = {
            str(name) for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        return any(
            database.execute(f'SELECT 1 FROM "{table}" LIMIT 1').fetchone()
            for table in tables
            if table in there
        )


def migrate(path: Path, migration: Callable[[str], None], anew: bool) -> None:
    """Make a database, or bring it up to date: a copy aside, which takes its place if the migration has
    changed it.

    Only one process at a time, while nobody writes to the database; see whoever calls it.

    Args:
        path: Where the database lies, or is to lie.
        migration: Brings the database at an address up to date; that of an empty folder it makes.
        anew: Begin with nothing, whatever lies there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f"{MAKING}{path.name}-*"):  # of a process that was killed
        shutil.rmtree(left)
    before = None if anew else revision(path)
    with tempfile.TemporaryDirectory(prefix=f"{MAKING}{path.name}-", dir=path.parent) as folder:
        aside = Path(folder) / path.name
        if path.is_file() and not anew:
            _copy(path, aside)
        migration(url(aside))
        if before is not None and revision(aside) == before:
            return
        _settle(aside)
        if path.is_file():
            _settle(path)
        for ending in BESIDE:
            path.with_name(f"{path.name}{ending}").unlink(missing_ok=True)
        os.replace(aside, path)


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as found, closing(sqlite3.connect(target)) as made:
        found.backup(made)


def _settle(path: Path) -> None:
    """Bring into the file what lies beside it, and to the disk what lies in the file."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    with path.open("rb") as file:
        os.fsync(file.fileno())
