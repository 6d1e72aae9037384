from __future__ import annotations

import os

import pytest

from pipelines.core import people


def test_a_person_is_whom_the_system_knows_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = people.user()
    for name in ("USER", "LOGNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody else")
    assert people.user() == before


def test_whom_the_system_does_not_know_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)
    assert people.user() == "user 4000000"
