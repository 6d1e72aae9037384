"""What each damage came to, as lines and in JSON, also where a gate does not bite."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from pipelines.__main__ import main
from pipelines.commands import selftest
from pipelines.commands.selftest.matrix import OPEN, RED, Outcome
from pipelines.core.errors import GateOpen
from pipelines.storage.settings import Settings

pytestmark = pytest.mark.usefixtures("place")
LOST = Outcome(
    use_case="tiny",
    damage="rows are lost",
    kind="scoring",
    gates={"raw": OPEN, "clean": RED},
    stopped_by="gate_clean",
    remark="",
    wrong="",
)


def proven(_: Settings, use_case: str, **__: object) -> Iterator[str | Outcome]:
    yield "tiny: does every gate bite?"
    yield LOST
    raise GateOpen("the gates do not hold", where="tiny", fix="state more")


def test_outcomes_are_told_although_a_gate_does_not_bite(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(selftest, "prove", proven)
    assert main(["gates", "test", "tiny"]) == 1
    told = capsys.readouterr()
    assert told.out.splitlines() == ["tiny: does every gate bite?", str(LOST)]
    assert main(["gates", "test", "tiny", "--json"]) == 1
    answer = capsys.readouterr()
    assert answer.err == told.err == "tiny: the gates do not hold\n  way out: state more\n"
    (outcome,) = json.loads(answer.out)
    assert (outcome["damage"], outcome["gates"]) == ("rows are lost", {"raw": OPEN, "clean": RED})
