"""What is read how: each case by itself. The same cases are the tables of docs/what-is-read.md."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.core.errors import BadInput
from pipelines.core.rendered import MAX_LINES
from pipelines.storage.settings import Settings
from tests.sources.cases import Delivery, Refused, Values
from tests.sources.cases.kinds import FILES
from tests.sources.cases.reading import delivered, one_by_one
from tests.sources.cases.values import EVERY

Read = Callable[[Values], dict[str, Any]]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """What is read of each of a column's values: the file is read once."""
    done: dict[int, dict[str, Any]] = {}

    def once(of: Values) -> dict[str, Any]:
        return done.get(id(of)) or done.setdefault(id(of), one_by_one(of, tmp_path_factory.mktemp("values")))

    return once


@pytest.mark.parametrize(
    ("of", "written"),
    [
        pytest.param(of, written, id=f"{of.format or of.type} {written[:40]!r}")
        for of in EVERY
        for written in of.every
    ],
)
def test_a_value_is_read_as_what_it_is_or_refused_with_the_reason(
    read: Read, of: Values, written: str
) -> None:
    right, found = of.every[written], read(of)[written]
    assert found == (of.sentence(written) if isinstance(right, Refused) else right)
    assert isinstance(right, Refused) or type(found) is type(right)


@pytest.mark.parametrize(
    "case", [case for of in FILES.values() for case in of], ids=lambda case: f"{case.type} {case.title}"
)
def test_a_delivery_is_read_as_it_was_meant_or_refused_in_a_sentence(
    settings: Settings, tmp_path: Path, case: Delivery
) -> None:
    outcome = delivered(case, settings, tmp_path)
    if case.reads is not None:
        assert outcome == list(case.reads)
        return
    assert isinstance(outcome, BadInput)
    lines = [
        line.strip().removeprefix("- ") for line in str(outcome).replace(f"{tmp_path}/", "").splitlines()
    ]
    assert [said for said in case.says if said not in lines] == [], outcome
    assert case.says
    assert lines[0].startswith(("tiny: ", "no file ")) or f"at: {case.name}" in lines
    assert len(lines) <= MAX_LINES
    assert "way out: " in str(outcome)
