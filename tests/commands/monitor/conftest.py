"""The tiny use case's own days, of which worlds are drawn, and its champion: trained once a test session."""

from __future__ import annotations

import pytest

from pipelines.commands.monitor import draws, own
from pipelines.commands.monitor.life import Year
from pipelines.commands.monitor.own import Own
from pipelines.commands.monitor.worlds import Steady
from pipelines.storage.settings import Settings
from tests.helpers import tiny

WEEKS = 6


@pytest.fixture(scope="session")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Own:
    """The days, with scores."""
    place = tmp_path_factory.mktemp("monitor")
    (place / "use_cases").mkdir()
    text = tiny.YAML.replace("unit: row", "unit: customer")
    (place / "use_cases" / f"{tiny.NAME}.yaml").write_text(text)
    settings = Settings(
        data=place / "unused", use_cases=place / "use_cases", var=place / "var", mlflow="", mirror=None
    )
    return own.of(settings, tiny.NAME, place / "played")


@pytest.fixture(scope="session")
def year(mine: Own) -> Year:
    """A training and some weeks in which nothing changes."""
    return Year.lived(mine, Steady("a year without change", draws.plain), WEEKS, (7,))
