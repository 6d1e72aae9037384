"""A file by another calendar than the partitions that are there is refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pipelines import runner
from pipelines.commands import check as command
from pipelines.core.errors import BadUseCase
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
from tests.helpers import tiny

DAY = date(2026, 2, 1)


@pytest.fixture
def lived(tmp_path: Path) -> Settings:
    """A use case of days, of which one has been read."""
    (tmp_path / "use_cases").mkdir()
    (tmp_path / "var").mkdir()
    (tmp_path / "use_cases" / "tiny.yaml").write_text(tiny.YAML)
    settings = Settings(
        data=tmp_path / "data",
        use_cases=tmp_path / "use_cases",
        var=tmp_path / "var",
        mlflow=f"sqlite:///{tmp_path}/mlflow.db",
        mirror=None,
    )
    runner.take(Run.open(tiny.NAME, "scoring", DAY, settings), "ingest")
    return settings


def edit(settings: Settings, partition: str) -> None:
    text = tiny.YAML.replace("until: 2d", "until: 7d")  # of weeks a label is known no sooner
    (settings.use_cases / "tiny.yaml").write_text(text.replace("columns:\n", f"{partition}\ncolumns:\n", 1))


@pytest.mark.parametrize(
    ("partition", "told"),
    [
        ("partition: {every: week, starts: sunday}", "weeks from Sunday on"),
        ("partition: {at: '02:00'}", "days, each from 02:00 on"),
        ("partition: {zone: Europe/Berlin}", "days in Europe/Berlin"),
        ("partition: {every: hour}", "hours"),
    ],
)
def test_another_calendar_than_that_of_what_is_there_is_refused(
    lived: Settings, partition: str, told: str
) -> None:
    edit(lived, partition)
    sentence = f"its partitions are days so far, and are {told} now: their names would mean other times"
    run = Run.open(tiny.NAME, "scoring", DAY, lived)
    with pytest.raises(BadUseCase, match=sentence):
        runner.take(run, "ingest")
    assert sentence in str(command.check(tiny.NAME, lived).error)


@pytest.mark.parametrize(
    "partition", ["", "partition: {every: day}", "partition: {expected: {weekdays: [sun]}}"]
)
def test_the_same_calendar_is_none_of_a_mistake(lived: Settings, partition: str) -> None:
    edit(lived, partition)
    runner.take(Run.open(tiny.NAME, "scoring", DAY, lived), "ingest")


def test_a_use_case_without_partitions_may_have_any(lived: Settings) -> None:
    text = tiny.YAML.replace("name: tiny", "name: other").replace(
        "columns:\n", "partition: {every: hour}\ncolumns:\n", 1
    )
    (lived.use_cases / "other.yaml").write_text(text)
    assert command.check("other", lived).error is None
