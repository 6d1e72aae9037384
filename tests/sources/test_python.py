from __future__ import annotations

from datetime import date

import pytest

from pipelines.errors import BadInput
from pipelines.settings import Settings
from tests.sourced import open_run, read


def no_table(day: date) -> list[date]:
    return [day]


def broken(day: date) -> None:
    raise ZeroDivisionError(day)


def source(function: str) -> dict[str, str]:
    return {"kind": "python", "function": function}


def test_the_function_is_called_for_each_day(settings: Settings) -> None:
    rows = read(open_run(settings, source("tests.tiny:payments"), "training", date(2026, 1, 31)))
    assert len(rows) == 20 * 40


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        ("tests.tinny:payments", "no module 'tests.tinny'"),
        ("tests.tiny:payment", "has no function 'payment'; did you mean 'payments'?"),
        ("tests.sources.test_python:no_table", "returned list; a source returns the day's rows as a pyarrow.Table"),
    ],
)
def test_a_function_that_cannot_be_is_refused_by_name(settings: Settings, function: str, sentence: str) -> None:
    with pytest.raises(BadInput) as refused:
        read(open_run(settings, source(function)))
    assert sentence in str(refused.value)


def test_what_the_function_itself_raises_keeps_its_own_trace(settings: Settings) -> None:
    with pytest.raises(ZeroDivisionError):
        read(open_run(settings, source("tests.sources.test_python:broken")))
