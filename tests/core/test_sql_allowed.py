"""The functions that an expression of a use case may call: every one of DuckDB's is looked at, and what is
allowed reads nothing but its arguments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.core import sql
from pipelines.core.sql_allowed import AGGREGATES, CAST_TYPES, NO_COLUMNS, OF_WINDOWS, SCALARS
from tests.helpers.refused_functions import REFUSED

CONNECTION = duckdb.connect()
# One for each collation of each language, and what only DuckDB's optimizer calls.
OF_A_KIND = re.compile(r"(icu_)?collate_[a-z_]+|__internal_[a-z_]+")
SECRET = "planted" + "5d1f"
SHOULD_READ = (
    "getvariable('planted')",
    "current_setting('threads')",
    "now()",
    "random()",
    "current_schema()",
    "uuid()",
    "nextval('s')",
)


def functions() -> set[str]:
    return {
        str(name)
        for (name,) in CONNECTION.execute("SELECT DISTINCT function_name FROM duckdb_functions()").fetchall()
    }


def test_every_function_of_duckdb_is_allowed_or_refused_by_somebody_who_has_looked_at_it() -> None:
    known = SCALARS | AGGREGATES | OF_WINDOWS | REFUSED
    assert {name for name in functions() - known if not OF_A_KIND.fullmatch(name)} == set(), (
        "new functions: look at each"
    )
    assert known - functions() - {"<>"} == set(), "functions that are gone"
    assert not (SCALARS | AGGREGATES) & REFUSED
    assert not SCALARS & AGGREGATES


def test_nothing_is_allowed_that_duckdb_itself_calls_unstable_or_not_without_effects() -> None:
    unstable = (
        "SELECT DISTINCT function_name FROM duckdb_functions() WHERE stability <> 'CONSISTENT' OR"
        " has_side_effects"
    )
    assert {str(name) for (name,) in CONNECTION.execute(unstable).fetchall()} & (
        SCALARS | AGGREGATES
    ) == set()


@pytest.mark.parametrize("name", sorted(REFUSED & {n for n in functions() if n.isidentifier()}))
def test_a_refused_function_is_refused_however_it_is_called(name: str) -> None:
    for expression in (
        f"{name}('a')",
        f"{name}(a, b)",
        f"{name}()",
        f"main.{name}(a)",
        f"a.{name}()",
        f"{name}(a) over week",
    ):
        try:
            parsed = sql.parse(expression, {"week": "ORDER BY t"})
        except sql.BadExpression:
            continue  # no expression at all
        assert parsed.mistakes


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        (
            "json_serialize_plan('select * from read_csv(''x'')')",
            "json_serialize_plan() is no function that a use case may call; did you mean 'json_e",
        ),
        ("getenv('HOME')", "getenv() is no function that a use case may call"),
        ("read_text('/etc/passwd')", "read_text() is no function"),
        ("query('select 1')", "query() is no function"),
        ("lenght(a)", "did you mean 'length'?"),
        ("list_aggregate([a], 'reservoir_quantile')", "list_aggregate() is no function"),
        ("bad.abs()", "bad.abs(): write the function alone, and the column as its argument: abs(bad)"),
        ("pg_catalog.version()", "pg_catalog.version(): write the function alone"),
        ("system.main.abs(a)", "system.main.abs(): write the function alone"),
        ("a::regclass", "no type 'regclass' of a value here"),
        ("a::main.thing", "no type 'main.thing' of a value here"),
        ("a::struct(x integer)", "no type 'struct' of a value here"),
        ("a collate de", "no collation 'de' here"),
        ("grouping(a)", "the operator grouping_function is not allowed here"),
        ("age(a)", "age() changes from run to run"),
        ("version()", "version() is no function"),
        ("sleep_ms(5)", "sleep_ms() changes from run to run"),
        ("error('x')", "error() changes from run to run"),
        *((name, f"{name} changes from run to run") for name in sorted(NO_COLUMNS)),
    ],
)
def test_what_is_refused_is_told_with_the_nearest_that_is_allowed(expression: str, told: str) -> None:
    assert told in "; ".join(sql.parse(expression).mistakes)
    with pytest.raises(sql.BadExpression):
        sql.allowed(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "case when a > 1 and b in ('x', 'y') then coalesce(a, 0) else -a end",
        "hour(t at time zone 'UTC' at time zone 'Europe/Berlin')",
        "epoch(t - t2) / 86400 + date_diff('day', t, t2) + extract(dow from t)",
        "t::timestamp + hr * interval 1 hour",
        "regexp_extract(b, '(x)', 1) || lower(trim(b)) || left(b, 2)",
        "b like 'x%' or b ilike 'y' or b similar to 'z+' or b not in ('q')",
        "try_cast(b as decimal(18, 2)) is not null",
        "list_contains(['x', 'y'], b) or len(string_split(b, ' ')) > 2",
        "map {'x': 1}[b]",
        "json_extract_string(b, '$.a')::int",
        "b->>'$.a'",
        "nullif(a, 0) is distinct from if(a > 1, 2, 3)",
        "b collate nocase = 'x'",
        "ln(1 + greatest(a, 0)) ** 2 % 3",
    ],
)
def test_what_features_are_made_of_is_allowed(expression: str) -> None:
    assert sql.allowed(expression).mistakes == ()
    table = sql.row_of_nulls(
        {"a": "DOUBLE", "b": "VARCHAR", "t": "TIMESTAMP", "t2": "TIMESTAMP", "hr": "BIGINT"}
    )
    assert sql.bind(expression, table)


@pytest.mark.parametrize(
    "expression",
    [
        "1+" * 2000 + "1",
        "(" * 3000 + "a" + ")" * 3000,
        "case when a then " * 300 + "1" + " end" * 300,
        "a" * 10_001,
        "coalesce(" * 149 + "a" + ")" * 149,
    ],
)
def test_an_expression_is_read_whatever_its_depth_or_told_to_be_too_long(expression: str) -> None:
    try:
        told = "; ".join(sql.parse(expression).mistakes)
    except sql.BadExpression as error:
        told = str(error)
    assert re.fullmatch(
        "|Max expression depth limit of 150 .*|longer than 10,000 characters.*|too much stands inside.*", told
    )


# --- what is allowed gives the same wherever and whenever it is asked, and never what lies beside it

VALUES: dict[str, tuple[str, ...]] = {
    "VARCHAR": (
        "'{file}'",
        "'SELECT 40000000 + 2'",
        "'threads'",
        "'planted'",
        "'month'",
        "'%Y-%m'",
        "'{{\"a\": [1]}}'",
    ),
    "BIGINT": ("7", "-1"),
    "INTEGER": ("3::INTEGER",),
    "DOUBLE": ("2.5::DOUBLE", "'nan'::DOUBLE"),
    "DECIMAL": ("1.5::DECIMAL(9, 2)",),
    "BOOLEAN": ("true",),
    "DATE": ("DATE '2026-03-01'",),
    "TIME": ("TIME '10:00'",),
    "TIMESTAMP": ("TIMESTAMP '2026-03-01 10:00'",),
    "TIMESTAMP WITH TIME ZONE": ("TIMESTAMPTZ '2026-03-01 10:00+00'",),
    "INTERVAL": ("INTERVAL 3 DAY",),
    "JSON": ("'[1]'::JSON", "'$.a'::JSON"),
    "MAP(K, V)": ("map {{'a': 1}}",),
    "T[]": ("['threads', 'planted', '{file}']", "[1, 2]"),
}
MOST_CALLS = 12  # of one form of a function


def values_of(type_: str) -> tuple[str, ...]:
    if type_ in ("ANY", "T", "NULL", "K", "V", "A", "B") or type_ not in VALUES:
        return VALUES["T[]"] if type_.endswith("[]") else (*VALUES["VARCHAR"][:4], "7", "DATE '2026-03-01'")
    return VALUES[type_]


def calls(file: Path) -> Iterator[tuple[str, str]]:
    """Allowed functions in each of their forms, called with names of files and settings, and with SQL,
    wherever a text can stand.
    """
    forms = CONNECTION.execute(
        "SELECT DISTINCT function_name, function_type, coalesce(parameter_types, []), varargs FROM"
        " duckdb_functions() ORDER BY ALL"
    ).fetchall()
    for name, kind, types, more in forms:
        if name not in SCALARS or kind not in ("scalar", "macro"):
            continue
        given = [str(type_ or "ANY") for type_ in types] + [str(more)] * (2 if more else 0)
        for arguments in list(product(*map(values_of, given)))[:MOST_CALLS]:
            told = ", ".join(argument.format(file=file) for argument in arguments)
            yield name, f"(1 {name} 2)" if not name.isidentifier() else f'"{name}"({told})'


def answered(connection: duckdb.DuckDBPyConnection, expression: str) -> Any:
    try:
        return repr(connection.execute(f"SELECT {expression}").fetchall())
    except duckdb.Error as error:
        return type(error).__name__


@pytest.fixture
def places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection]:
    """Two connections whose settings, variables, tables, schemas, time and environment differ.

    All that they hold says so.
    """
    (tmp_path / "file").write_text(SECRET)
    one = duckdb.connect(config={"threads": "1"})
    one.execute("SET TimeZone = 'UTC'")
    two = duckdb.connect(str(tmp_path / "two.db"), config={"threads": "3", "enable_external_access": "false"})
    two.execute("SET TimeZone = 'UTC'")
    two.execute(
        f"CREATE SCHEMA other; USE other; CREATE TABLE planted AS SELECT '{SECRET}' AS planted; CREATE"
        " SEQUENCE s START 7"
    )
    two.execute(
        f"SET VARIABLE planted = '{SECRET}'; SET preserve_insertion_order = false; SET default_null_order ="
        " 'nulls_first'"
    )
    monkeypatch.setenv("planted", SECRET)
    return one, two


def test_what_is_allowed_gives_the_same_of_its_arguments_everywhere(
    tmp_path: Path, places: tuple[duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection]
) -> None:
    one, two = places
    tried, worked = set(), set()
    for name, expression in calls(tmp_path / "file"):
        tried.add(name)
        first, second = answered(one, expression), answered(two, expression)
        assert first == second, expression
        assert SECRET not in first, expression
        assert "40000002" not in first, expression  # SQL that was run
        if first.startswith("["):
            worked.add(name)
    assert len(worked) > 0.8 * len(tried), sorted(tried - worked)


@pytest.mark.parametrize("expression", SHOULD_READ)
def test_those_two_places_tell_apart_what_reads_more_than_its_arguments(
    expression: str, places: tuple[duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection]
) -> None:
    one, two = places
    one.execute("CREATE SEQUENCE s")
    assert answered(one, expression) != answered(two, expression)
    with pytest.raises(sql.BadExpression):
        sql.allowed(expression)


def test_the_connection_that_reads_expressions_reaches_no_file(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a\n1\n")
    with pytest.raises(sql.BadExpression, match="Permission Error"):
        sql.bind(f"(SELECT a FROM read_csv('{tmp_path}/rows.csv'))", "(SELECT 1)")


def test_types_are_told_by_names_that_duckdb_has() -> None:
    known = {
        str(name).lower()
        for (name,) in CONNECTION.execute("SELECT DISTINCT type_name FROM duckdb_types()").fetchall()
    }
    assert known >= CAST_TYPES
