"""A database of SQLite is made aside, and takes its place whole."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from pipelines.storage import sqlite


def at(revision: str | None) -> str:
    return f"INSERT INTO alembic_version VALUES ('{revision}')" if revision else "SELECT 1"


def make(path: Path, revision: str | None) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE IF NOT EXISTS alembic_version (version_num TEXT)")
        database.execute("DELETE FROM alembic_version")
        database.execute(at(revision))


@pytest.mark.parametrize("name", ["plain.db", "100 %.db", "what?.db", "%3F.db"])
def test_an_address_leads_back_to_its_path(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    make(path, "one")
    with sa.create_engine(sqlite.url(path)).connect() as found:
        assert found.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one() == "one"
    assert [found.name for found in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("address", ["postgresql://db/s", "sqlite://", "sqlite:///:memory:", "http//", ""])
def test_what_lies_on_no_disk_has_no_path(address: str) -> None:
    assert sqlite.path_of(address) is None


def test_a_half_made_database_has_no_revision(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    assert sqlite.revision(path) is None
    path.write_bytes(b"")
    assert sqlite.revision(path) is None
    make(path, None)
    assert sqlite.revision(path) is None
    make(path, "one")
    assert sqlite.revision(path) == "one"
    path.write_bytes(b"no database, but a text that is long enough" * 9)
    with pytest.raises(sqlite3.DatabaseError):
        sqlite.revision(path)


def test_a_failed_migration_leaves_everything_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    make(path, "one")
    before = path.read_bytes()

    def fails(address: str) -> None:
        make(Path(str(make_url(address).database)), "two")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        sqlite.migrate(path, fails, anew=False)
    assert path.read_bytes() == before
    assert sorted(found.name for found in tmp_path.iterdir()) == ["a.db"]


def test_a_migration_takes_its_place_and_sweeps_what_a_killed_one_has_left(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    make(path, "one")
    (tmp_path / f"{sqlite.MAKING}a.db-left").mkdir()
    sqlite.migrate(path, lambda address: make(Path(str(make_url(address).database)), "two"), anew=False)
    assert sqlite.revision(path) == "two"
    assert sqlite.holds(path, "alembic_version", "not_there")
    assert sorted(found.name for found in tmp_path.iterdir()) == ["a.db"]
