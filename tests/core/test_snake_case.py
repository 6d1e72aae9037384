"""A source's names are brought into snake case by one rule, and whoever has not said so is told that it would
help.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
import yaml

from pipelines.core import meaning
from pipelines.core.config import UseCase
from pipelines.core.errors import BadInput
from pipelines.core.rendered import MAX_LINES
from pipelines.core.snake_case import snake_case
from pipelines.sources import other_columns, renamed
from pipelines.sources.declared import Declared
from pipelines.sources.piece import Piece
from pipelines.storage.settings import Settings
from tests.helpers import tiny
from tests.helpers.sourced import open_run, read

NAMES = ("ID", "At", "CustomerNo", "Amount", "Sales Channel", "isBad?")
SNAKE = ("id", "at", "customer_no", "amount", "sales_channel", "is_bad")


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("CustomerID", "customer_id"),
        ("Order Date", "order_date"),
        ("amountUSD", "amount_usd"),
        ("Größe", "grosse"),
        ("HTTPServerError", "http_server_error"),
        ("V1", "v1"),
        ("AMT_TOTAL", "amt_total"),
        (" Amount ($) ", "amount"),
        ("order.date", "order_date"),
        ("2nd Price", "2nd_price"),
        ("a__b_", "a__b_"),
        ("%", "%"),
        ("", ""),
    ],
)
def test_a_name_in_snake_case_is_its_words_in_small_letters(name: str, snake: str) -> None:
    assert snake_case(name) == snake
    assert snake_case(snake) == snake


def use_case(rename: object, names: tuple[str, ...] = SNAKE, **changes: object) -> UseCase:
    """A use case of these columns."""
    specs = yaml.safe_load(tiny.YAML)["columns"].values()
    amount, channel = names[3:5]
    features = {"numbers": {"x": amount}, "categories": {"channel": channel}}
    stated = {
        "columns": dict(zip(names, specs, strict=True)),
        "features": features,
        "cleanse": {"rename": rename},
    }
    return UseCase.model_validate({**yaml.safe_load(tiny.YAML), **stated, **changes})


@pytest.fixture
def piece() -> Callable[..., Piece]:
    connection = duckdb.connect()

    def made(*names: str) -> Piece:
        selected = ", ".join(f'{n} AS "{name}"' for n, name in enumerate(names))
        return Piece(connection.sql(f"SELECT {selected}"), "d.csv")

    return made


def refused(piece: Piece, case: UseCase) -> str:
    with pytest.raises(BadInput) as error:
        other_columns.refuse([piece], Declared.of(case), case, "case")
    assert len(str(error.value).splitlines()) <= MAX_LINES
    return str(error.value)


def test_a_piece_is_read_under_its_names_in_snake_case(piece: Callable[..., Piece]) -> None:
    (found,) = renamed.in_snake_case([piece(*NAMES)])
    assert (found.rows.columns, found.rows.fetchall()) == ([*SNAKE], [(0, 1, 2, 3, 4, 5)])
    other_columns.refuse([found], Declared.of(use_case("snake_case")), use_case("snake_case"), "case")


def test_columns_that_would_have_one_name_are_told(piece: Callable[..., Piece]) -> None:
    with pytest.raises(
        BadInput,
        match=(
            r"d.csv: several columns have one name in snake case\n  - order_date: 'Order Date' and"
            r" 'OrderDate'\n"
        ),
    ):
        renamed.in_snake_case([piece("Order Date", "OrderDate")])


def test_columns_that_snake_case_would_make_the_schemas_are_told_so(piece: Callable[..., Piece]) -> None:
    message = refused(piece(*NAMES), use_case({}))
    assert message.endswith(
        "way out: write `cleanse: {rename: snake_case}`: in snake case, the source's columns are the schema's"
    )
    assert all(repr(name) in message for name in (*SNAKE, *NAMES))


def test_where_it_would_not_help_it_is_not_offered(piece: Callable[..., Piece]) -> None:
    assert "snake" not in refused(piece(*NAMES[:-1], "at"), use_case({}))
    assert "snake" not in refused(piece(*SNAKE[:-1]), use_case("snake_case"))


def test_all_missing_and_all_unknown_columns_are_named_compactly(piece: Callable[..., Piece]) -> None:
    message = refused(piece("id", *(f"unknown{n}" for n in range(100))), use_case({}))
    assert "d.csv: no column 'at', 'customer_no', 'amount', 'sales_channel', 'is_bad'\n" in message
    assert all(f"'unknown{n}'" in message for n in range(100))
    assert " more\n  way out: " in refused(piece("id", *(f"unknown{n}" for n in range(1000))), use_case({}))


def test_a_column_that_the_use_case_makes_itself_is_told_by_that(piece: Callable[..., Piece]) -> None:
    source = {"kind": "file", "path": "d.csv", "format": {"type": "csv"}, "derive": {"amount": "id + 1"}}
    dealt = {"rule": "order", "start": "2026-01-01", "days": 2, "key": "id", "time": "at"}
    message = refused(piece(*SNAKE), use_case({}, source=source, assign_days=dealt))
    assert "a column 'id', which assign_days.key makes anew; give that another name" in message
    assert "a column 'at', which assign_days.time makes anew" in message
    assert "a column 'amount', which source.derive makes anew" in message


def test_a_mapping_may_stand_beside_it_and_speaks_of_the_names_in_snake_case() -> None:
    case = use_case(["snake_case", {"is_bad": "bad"}], (*SNAKE[:-1], "bad"))
    assert [*case.source_names.values()] == [*SNAKE]
    assert case.cleanse.snake_case


def test_a_mapping_and_snake_case_that_do_the_same_mean_the_same() -> None:
    mapping = {name: snake for name, snake in zip(NAMES, SNAKE, strict=True) if name != snake}
    one, other = use_case(mapping), use_case("snake_case")
    assert meaning.meanings(one) == meaning.meanings(other)
    assert meaning.columns(one) == meaning.columns(other)


def test_a_night_is_ingested_and_derived_under_names_in_snake_case(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "rows.csv").write_text(
        "ID,At,Customer,AMOUNT USD,channel,Bad\na,2026-02-01 10:00:00,c1,2,chip,0\n"
    )
    derive = {"amount": "cast(amount_usd as double) * 2"}
    source = {"kind": "file", "path": str(tmp_path / "rows.csv"), "format": {"type": "csv"}, "derive": derive}
    columns = yaml.safe_load(tiny.YAML)["columns"] | {"amount_usd": {"type": "number", "role": "ignored"}}
    (row,) = read(open_run(settings, source, columns=columns, cleanse={"rename": "snake_case"}))
    assert (row["id"], row["amount"], row["amount_usd"], row["channel"]) == ("a", 4.0, 2.0, "chip")


def test_digits_of_json_are_kept_under_names_in_snake_case(settings: Settings, tmp_path: Path) -> None:
    line = (
        '{"ID": 1.10, "At": "2026-02-01 10:00:00", "Customer": 1e2, "Amount": 2, "channel": "chip", "bad":'
        " 0}\n"
    )
    (tmp_path / "rows.jsonl").write_text(line)
    source = {"kind": "file", "path": str(tmp_path / "rows.jsonl"), "format": {"type": "jsonl"}}
    (row,) = read(open_run(settings, source, cleanse={"rename": "snake_case"}))
    assert (row["id"], row["customer"], row["amount"]) == ("1.10", "1e2", 2.0)
