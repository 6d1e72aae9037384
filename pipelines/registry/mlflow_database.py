"""MLflow's database, where it is a file of ours: made once, aside and whole, and made again where a kill has
left half of it.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
import mlflow.store.db.utils
from mlflow.store import db_migrations
from sqlalchemy.engine import make_url

from pipelines.core import addresses
from pipelines.core.errors import SluiceError, TableCorrupt
from pipelines.storage import sqlite

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = str(Path(db_migrations.__file__).parent)
FILLED = ("runs", "registered_models")  # tables in which something stands that nobody can make again
_whole: set[Path] = set()  # databases of which this process knows that they are


class OldDatabase(SluiceError):
    """MLflow's database was made by an earlier version of MLflow."""


def make_or_mend(uri: str, upgrading: bool = False) -> None:
    """Make the database that an address names, if it is one of SQLite's and not there yet, or half made.

    One process at a time, while nobody uses it: `tracking` sees to that.

    Args:
        uri: The address.
        upgrading: Bring one that an earlier version of MLflow has filled up to date, too: a copy, which then
            takes its place.

    Raises:
        OldDatabase: it is of another version of MLflow, and holds runs or models.
        TableCorrupt: there is a file in its place which is no database.
        sqlite3.OperationalError: it is locked, or cannot be written.
    """
    path = sqlite.path_of(uri)
    if path is None or (path in _whole and path.is_file()):
        return
    try:
        found = sqlite.revision(path)
        if found is None or found != _newest():
            filled = path.is_file() and sqlite.holds(path, *FILLED)
            if filled and not upgrading:
                raise old(uri)
            sqlite.migrate(path, _migrate, anew=not filled)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        raise TableCorrupt(
            f"MLflow's database {path} is damaged: {error}",
            fix="bring it back from a backup; or move it away and train again",
        ) from error
    _whole.add(path)


def old(uri: str) -> OldDatabase:
    """What is said of a database that an earlier version of MLflow has made."""
    way_out = (
        "run scripts/setup.sh"
        if sqlite.path_of(uri)
        else "copy it, then run: mlflow db upgrade <its address>"
    )
    return OldDatabase(
        f"MLflow's database {addresses.without_secrets(make_url(uri))} was made by another version of MLflow"
        f" than the installed {mlflow.__version__}",
        fix=f"stop everything that uses it, then {way_out}",
    )


def _migrate(address: str) -> None:
    from mlflow.db import commands

    commands.main(["upgrade", address], standalone_mode=False)


def _newest() -> str:
    """The last migration of the installed MLflow."""
    from alembic.script import ScriptDirectory

    (head,) = ScriptDirectory(MIGRATIONS).get_heads()
    return head


def _alembic_config(db_url: str, alembic_dir: str | None = None) -> Config:
    """MLflow's own, which takes a % in the path of the installed libraries, as of a checkout in a folder
    `a%2Fb`, for a reference.
    """
    from alembic.config import Config

    folder = alembic_dir or MIGRATIONS
    config = Config(str(Path(folder) / "alembic.ini"))
    for name, value in {"script_location": folder, "sqlalchemy.url": db_url}.items():
        config.set_main_option(name, value.replace("%", "%%"))
    return config


if "%" in MIGRATIONS:
    utils: Any = mlflow.store.db.utils
    utils._get_alembic_config = _alembic_config
