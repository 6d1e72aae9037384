from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.core.errors import BadInput, TryAgain
from pipelines.storage.settings import Settings
from tests.helpers.sourced import open_run, read


def no_table(day: date) -> list[date]:
    return [day]


def broken(day: date) -> None:
    raise ZeroDivisionError(day)


def in_a_library(day: date) -> None:
    json.loads(f"no JSON on {day}")


def closed(day: date) -> None:
    raise TryAgain(f"the shop is closed on {day}")


def no_columns(day: date) -> pa.Table:
    return pa.table({})


def twice(day: date) -> pa.Table:
    return pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["id", "id"])


def no_text(day: date) -> pa.Table:
    return pa.table(
        {
            "id": pa.Array.from_buffers(
                pa.string(), 1, [None, pa.py_buffer(bytes([0, 0, 0, 0, 1, 0, 0, 0])), pa.py_buffer(b"\xff")]
            )
        }
    )


def too_large(day: date) -> pa.Table:
    return pa.table({"amount": pa.array([Decimal(10) ** 50], pa.decimal256(60, 0))})


def narrow(day: date) -> pa.Table:
    """A row whose amount is a float of 16 bits, and whose customer is a whole number of 60 digits at most."""
    row = pa.Table.from_pylist([{"id": "a", "at": datetime(2026, 2, 1), "channel": "chip", "bad": 0}])
    row = row.append_column("amount", pa.array([1.5]).cast(pa.float16()))
    return row.append_column("customer", pa.array([Decimal(2**60)], pa.decimal256(60, 0)))


def source(function: str) -> dict[str, str]:
    return {"kind": "python", "function": function}


def test_the_function_is_called_for_each_day(settings: Settings) -> None:
    rows = read(open_run(settings, source("tests.helpers.tiny:payments"), "training", date(2026, 1, 31)))
    assert len(rows) == 20 * 40


def test_types_that_duckdb_has_not_are_read_exactly_as_its_next_ones(settings: Settings) -> None:
    (row,) = read(open_run(settings, source("tests.sources.test_python:narrow")))
    assert (row["amount"], row["customer"]) == (1.5, str(2**60))


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        ("tests.tinny:payments", "no module 'tests.tinny'"),
        ("tests.helpers.tiny:payment", "has no function 'payment'; did you mean 'payments'?"),
        (
            "tests.sources.test_python:no_table",
            "returned list; a source returns the day's rows as a pyarrow.Table\n  way out: let it return one",
        ),
        ("tests.sources.test_python:no_columns", "- there is no column\n"),
        ("tests.sources.test_python:twice", "- 'id' stands there twice\n"),
        (
            "tests.sources.test_python:no_text",
            "- column 'id': ArrowInvalid: In chunk 0: Invalid: Invalid UTF8 sequence at string index 0\n",
        ),
        (
            "tests.sources.test_python:too_large",
            "too_large(2026-02-01) returned a table that cannot be read: ",
        ),
    ],
)
def test_a_function_that_cannot_be_is_refused_by_name(
    settings: Settings, function: str, sentence: str
) -> None:
    with pytest.raises(BadInput) as refused:
        read(open_run(settings, source(function)))
    assert sentence in str(refused.value)


def test_what_the_function_raises_is_told_with_its_line(settings: Settings) -> None:
    with pytest.raises(BadInput) as refused:
        read(open_run(settings, source("tests.sources.test_python:broken")))
    line = broken.__code__.co_firstlineno + 1
    assert f"broken(2026-02-01) raised ZeroDivisionError: 2026-02-01, at {__file__}, line {line}\n" in str(
        refused.value
    )


def test_the_line_is_the_functions_own_where_a_library_fails(settings: Settings) -> None:
    with pytest.raises(BadInput, match=rf"{__file__}, line {in_a_library.__code__.co_firstlineno + 1}\n"):
        read(open_run(settings, source("tests.sources.test_python:in_a_library")))


def test_a_function_may_ask_for_a_retry(settings: Settings) -> None:
    with pytest.raises(TryAgain, match="the shop is closed"):
        read(open_run(settings, source("tests.sources.test_python:closed")))


def test_a_module_or_a_function_that_ends_the_program_ends_it_in_a_sentence(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ending_source.py").write_text("import sys\n\nsys.exit(3)\n")
    (tmp_path / "ended_source.py").write_text("def payments(day):\n    raise SystemExit(4)\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BadInput, match=r"importing ending_source ends the program \(SystemExit: 3\)"):
        read(open_run(settings, source("ending_source:payments")))
    with pytest.raises(
        BadInput,
        match=(
            r"ended_source:payments\(2026-02-01\) ends the program \(SystemExit: 4\), at .*ended_source.py,"
            r" line 2"
        ),
    ):
        read(open_run(settings, source("ended_source:payments")))


def test_a_module_that_cannot_be_imported_is_told(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "misspelt_source.py").write_text("import json\n\ndef payments(day)\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(
        BadInput,
        match=r"importing misspelt_source raised SyntaxError: expected ':' \(misspelt_source.py, line 3\)",
    ):
        read(open_run(settings, source("misspelt_source:payments")))
