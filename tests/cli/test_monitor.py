"""What each world came to, as lines and in JSON, also where the monitor does not hold; and a rehearsal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date

import pytest

from pipelines.__main__ import main
from pipelines.commands import monitor, rehearse
from pipelines.commands.monitor.told import Quiet
from pipelines.commands.rehearse.told import Policy, Worth
from pipelines.core.dates import Days
from pipelines.core.errors import GateOpen
from pipelines.storage.settings import Settings

pytestmark = pytest.mark.usefixtures("place")
YEAR = Quiet(use_case="tiny", world="a year without change", weeks=10, red=5, amber=1)
POLICY = Policy(use_case="tiny", policy="as declared", worth=Worth(40, 40, 0.5), trainings=2, promotions=1)


def proven(_: Settings, use_case: str, how: monitor.Asked) -> Iterator[monitor.Line]:
    yield f"{use_case}: {how.weeks} weeks, {how.draws} years, seed {how.seed}"
    yield YEAR
    raise GateOpen("the monitor does not hold", where="tiny", fix="see what moves")


def test_worlds_are_told_although_the_monitor_does_not_hold(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(monitor, "prove", proven)
    assert main(["monitor", "test", "tiny", "--weeks", "10", "--seed", "4"]) == 1
    told = capsys.readouterr()
    assert told.out.splitlines() == ["tiny: 10 weeks, 1 years, seed 4", str(YEAR)]
    assert main(["monitor", "test", "tiny", "--json"]) == 1
    answer = capsys.readouterr()
    assert answer.err == told.err == "tiny: the monitor does not hold\n  way out: see what moves\n"
    (world,) = json.loads(answer.out)
    assert (world["world"], world["weeks"], world["red"]) == ("a year without change", 10, 5)


def test_a_mistyped_use_case_is_told_before_anything_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["monitor", "test", "tinny"]) == 1
    assert "tinny" in capsys.readouterr().err


def test_a_rehearsal_is_told_and_in_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Days] = []

    def lived(_: Settings, use_case: str, days: Days) -> Iterator[rehearse.Line]:
        asked.append(days)
        yield use_case
        yield POLICY

    monkeypatch.setattr(rehearse, "rehearse", lived)
    assert main(["rehearse", "tiny", "--from", "2026-02-01", "--to", "2026-03-01"]) == 0
    assert capsys.readouterr().out.splitlines() == ["tiny", str(POLICY)]
    assert main(["rehearse", "tiny", "--from", "2026-02-01", "--to", "2026-03-01", "--json"]) == 0
    (policy,) = json.loads(capsys.readouterr().out)
    assert policy["worth"]["value"] == 0.5
    assert asked == [Days(date(2026, 2, 1), date(2026, 3, 1))] * 2


def test_a_day_that_is_none_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rehearse", "tiny", "--from", "1.2.2026", "--to", "2026-03-01"]) == 1
    assert "YYYY-MM-DD" in capsys.readouterr().err
