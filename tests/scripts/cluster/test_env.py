"""The .env file: secrets of one's own, for its owner alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from pipelines.core.errors import SluiceError
from scripts.cluster import compose, env


def test_every_secret_gets_a_value_of_its_own(tmp_path: Path) -> None:
    env.write(tmp_path / "a.env")
    env.write(tmp_path / "b.env")
    first, second = env.read(tmp_path / "a.env"), env.read(tmp_path / "b.env")
    assert set(first) == env.secrets_in(compose.TEMPLATE.read_text())
    assert len({*first.values(), *second.values()}) == 2 * len(first)
    assert all(len(value) >= 20 and "<" not in value for value in first.values())
    Fernet(first["FERNET_KEY"])
    assert len(first["JWT_SECRET"]) >= 64


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    env.write(tmp_path / ".env")
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600


def test_secrets_in_use_are_not_replaced(tmp_path: Path) -> None:
    env.write(tmp_path / ".env")
    before = (tmp_path / ".env").read_text()
    with pytest.raises(SluiceError, match="its secrets are in use"):
        env.write(tmp_path / ".env")
    assert (tmp_path / ".env").read_text() == before
