"""Who was champion is asked by a day or a moment, with or without a zone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipelines.commands import reigns
from pipelines.core.errors import BadInput
from pipelines.registry.history import History
from pipelines.storage.settings import Settings
from tests.helpers import tiny
from tests.registry.test_history import FIRST


@pytest.fixture
def asked(settings: Settings) -> Settings:
    history = History.of(settings, tiny.NAME)
    history.append(replace(FIRST, time="2026-02-01T04:10:00+00:00"))
    history.append(
        replace(
            FIRST,
            decision="rolled back",
            version="1",
            previous=FIRST.version,
            partition=None,
            time="2026-02-05T14:00:00+00:00",
        )
    )
    return settings


@pytest.mark.parametrize(
    ("moment", "champion"),
    [
        ("2026-01-31", None),
        ("2026-02-01", FIRST.version),
        ("2026-02-05T13:59", FIRST.version),
        ("2026-02-05T14:59:00+01:00", FIRST.version),
        ("2026-02-05T15:01:00+01:00", "1"),
        ("2026-02-05T14:00", "1"),
        ("2026-02-05", "1"),  # its end
    ],
)
def test_a_moment_is_of_the_champion_of_then(asked: Settings, moment: str, champion: str | None) -> None:
    found = reigns.at(asked, tiny.NAME, moment)
    assert found.champion == champion
    assert str(found).startswith(f"{moment}: {'version ' + champion if champion else 'no champion yet'}")


@pytest.mark.parametrize("moment", ["yesterday", "2026-02-30", "", "14:00"])
def test_what_is_no_moment_is_refused(asked: Settings, moment: str) -> None:
    with pytest.raises(BadInput, match="neither a day nor a moment"):
        reigns.at(asked, tiny.NAME, moment)
