"""A use-case file is loaded, or all its mistakes are told at once, each with its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from pipelines.core import use_cases
from pipelines.core.errors import BadUseCase
from pipelines.storage.settings import ROOT
from tests.helpers import tiny

LINES = tiny.YAML.strip().splitlines()
SOURCE = next(number for number, line in enumerate(LINES) if line.startswith("source:"))


def line_of(start: str) -> int:
    return next(number for number, line in enumerate(LINES, 1) if line.strip().startswith(start))


def refused(folder: Path, *changes: tuple[str, str]) -> str:
    text = "\n".join(LINES)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "tiny.yaml"
    path.write_text(text)
    with pytest.raises(BadUseCase) as error:
        use_cases.load_file(path)
    return str(error.value)


def test_the_projects_own_use_cases_load() -> None:
    names = [loaded.use_case.name for loaded in use_cases.load_all(ROOT / "include" / "use_cases")]
    assert names == ["bank_marketing", "bike_demand", "card_fraud", "sms_spam"]


def test_a_use_case_cannot_be_changed_after_it_was_loaded() -> None:
    use_case = use_cases.load(ROOT / "include" / "use_cases", "sms_spam").use_case
    with pytest.raises(ValidationError, match="frozen"):
        use_case.name = "other"  # type: ignore[misc]


def test_an_unknown_key_is_told_with_its_line_and_the_nearest_known_one(tmp_path: Path) -> None:
    message = refused(tmp_path, ("window_days:", "windowdays:"))
    assert (
        f"line {line_of('window_days')}: split.windowdays: unknown key; did you mean 'window_days'?"
        in message
    )


def test_all_mistakes_are_told_at_once_in_order_of_line(tmp_path: Path) -> None:
    message = refused(
        tmp_path,
        ("since: 7d}", "since: 7w}"),
        ("lower: [channel]", "lowr: [channel]"),
        ("precision: 0.5", "precision: 1.5"),
    )
    assert message.startswith("tiny.yaml: 3 mistakes\n")
    assert (
        message.index("cleanse.lowr")
        < message.index("'7w' is not a duration")
        < message.index("threshold.precision")
    )


def test_a_name_that_no_column_bears_is_told_with_those_that_exist(tmp_path: Path) -> None:
    message = refused(tmp_path, ("slices: [channel]", "slices: [chanel]"))
    assert f"line {line_of('slices')}: slices: 'chanel' is no category feature; there are channel" in message


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    assert "'name' stands twice, first in line 1" in refused(
        tmp_path, ("task: binary", "task: binary\nname: tiny")
    )


def test_text_that_is_not_yaml_is_told_with_its_line(tmp_path: Path) -> None:
    assert "line 3: not YAML" in refused(tmp_path, ("task: binary", "task: [binary: }"))


def test_text_that_is_not_utf8_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_bytes(b"name: tiny\ntitle: caf\xe9\n")
    with pytest.raises(BadUseCase, match="line 2: not UTF-8 text"):
        use_cases.load_file(path)


def test_a_name_other_than_the_files_is_refused(tmp_path: Path) -> None:
    assert "line 1: name: 'small' is not the file's name; write 'tiny'" in refused(
        tmp_path, ("name: tiny", "name: small")
    )


def test_two_columns_with_one_role_are_refused(tmp_path: Path) -> None:
    assert "exactly one has role key, found 2: id, customer" in refused(
        tmp_path, ("customer: {type: string, required: true}", "customer: {type: string, role: key}")
    )


@pytest.mark.parametrize("type_", ["number", "boolean", "timestamp"])
def test_a_key_of_which_two_may_become_one_is_refused(tmp_path: Path, type_: str) -> None:
    message = refused(tmp_path, ("id:       {type: string", f"id:       {{type: {type_}"))
    assert (
        f"columns: id has role key and type {type_}, by which two keys may become one; give it type string,"
        " integer or date" in message
    )


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (
            "type: string, format: '%d/%m/%Y'",
            "columns.channel: format: for dates and timestamps only, and this is a string",
        ),
        (
            "type: date, format: '%d/%m/%y'",
            "%y is not allowed in it; allowed: %Y, %m, %b, %d; it has no %Y: a year has four digits",
        ),
        ("type: date, format: '%d/%m/%Y %H:%M'", "%H is not allowed in it; allowed: %Y, %m, %b, %d"),
        ("type: date, format: '%Y'", "it needs a day and one month: %d, and %m or %b"),
        ("type: date, format: '%d/%m/%b/%Y'", "it needs a day and one month: %d, and %m or %b"),
        ("type: date, format: '%d/%m/%Y/%d'", "%d stands in it twice"),
        ("type: date, format: '%d/%m/20%Y'", "no digit stands in it"),
        ("type: date, format: '%d/%m/%Y%'", "% is not allowed in it"),
        ("type: timestamp, format: '%d/%m/%Y %I:%M'", "%I needs %p"),
        ("type: timestamp, format: '%d/%m/%Y %H:%I:%M %p'", "%H and %I are both the hour: leave one out"),
        ("type: timestamp, format: '%d/%m/%Y %H:%M.%f'", "%f needs %S"),
        ("type: timestamp, format: '%Y%m%d%H%M%S%f'", "%f follows a sign such as the point in %S.%f"),
        (
            "type: date, min: '2026-13-01'",
            "'2026-13-01' is no day and no moment: write 2026-01-31, or 2026-01-31T10:00:00",
        ),
        ("type: date, min: soon", "'soon' is no number, and no day such as 2026-01-31"),
    ],
)
def test_how_a_day_is_spelt_is_judged_when_the_file_is_loaded(tmp_path: Path, column: str, told: str) -> None:
    assert told in refused(tmp_path, ("{type: string, allowed: [chip, online]}", f"{{{column}}}"))


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (
            "type: number, known_after: 7d",
            "columns.channel: known_after: for columns with role leak only, and this has the role feature",
        ),
        (
            "type: number, role: ignored, known_after: 7d",
            "known_after: for columns with role leak only, and this has the role ignored",
        ),
        (
            "type: number, role: leak, known_after: 0d",
            "columns.channel: known_after: 0d would be known with its row, and is no leak",
        ),
        (
            "type: number, role: leak, known_after: -1d",
            "'-1d' is not a duration: write a whole number of hours or days, such as 36h or 7d",
        ),
    ],
)
def test_when_a_column_is_known_is_said_of_leaks_alone_and_lies_after_their_row(
    tmp_path: Path, column: str, told: str
) -> None:
    assert told in refused(tmp_path, ("{type: string, allowed: [chip, online]}", f"{{{column}}}"))


def test_a_window_that_runs_backwards_is_refused(tmp_path: Path) -> None:
    assert "since 7d is nearer than until 9d" in refused(
        tmp_path, ("since: 7d, until: 2d", "since: 7d, until: 9d")
    )


def test_a_threshold_for_a_regression_is_refused(tmp_path: Path) -> None:
    message = refused(tmp_path, ("task: binary", "task: regression"))
    assert "belong to binary tasks" in message
    assert "metric.name: aucpr does not fit a regression task" in message


def test_a_message_stays_ten_lines_and_names_all_mistakes(tmp_path: Path) -> None:
    message = refused(tmp_path, ("title:", "\n".join(f"wrong{n}: 1" for n in range(50)) + "\ntitle:"))
    assert len(message.splitlines()) <= 10
    assert [f"wrong{n}," in message or f"wrong{n}:" in message for n in range(50)] == [True] * 50
    assert "lines 2-51: wrong0, wrong1, " in message


def test_an_unknown_use_case_is_told_with_the_nearest_known_one(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(tiny.YAML)
    with pytest.raises(BadUseCase, match=r"no use case 'tinny'.*did you mean 'tiny'"):
        use_cases.load(tmp_path, "tinny")


def test_the_schema_for_editors_names_every_key_of_the_files() -> None:
    schema = json.loads(use_cases.json_schema())
    assert schema["additionalProperties"] is False
    assert {"name", "source", "columns", "features", "gates"} <= set(schema["properties"])


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (
            "unit: bad",
            (
                "promotion.unit: 'bad' is the label, by which no rows are kept together; there are row, day,"
                " id, at, customer"
            ),
        ),
        ("unit: shop", "promotion.unit: no column 'shop'; there are row, day, id, at, customer"),
        ("units: day", "promotion.units: unknown key; did you mean 'unit'?"),
        ("confidence_level: 1.5", "promotion.confidence_level"),
        ("slice_rows: 0", "promotion.slice_rows"),
        ("approval: soon", "'soon' is not a duration"),
        ("approval: 0h", "0d is no time in which a person can answer: write 1h to 90d"),
        ("approval: 91d", "91d is no time in which a person can answer"),
        ("approval: 99999999999999d", "is more than a century"),
        (f"approval: {'9' * 5000}d", "is more than a century"),
        ("approvers: [anna]", "nobody is asked unless `approval` says within which time"),
        ("approval: 3d, approvers: [anna, ben, anna]", "approvers: anna stands there twice"),
        ("approval: 3d, approvers: [' ']", "promotion.approvers.0"),
        ("max_calibration_error: 0", "promotion.max_calibration_error"),
        ("min_rows_per_second: .inf", "promotion.min_rows_per_second"),
        ("slice_loss: .nan", "promotion.slice_loss"),
    ],
)
def test_what_promotion_cannot_ask_is_refused(tmp_path: Path, asked: str, told: str) -> None:
    assert told in refused(tmp_path, ("unit: row, slice_rows: 20", asked))


@pytest.mark.parametrize(
    ("format", "told"),
    [
        ('separator: "\\""', "source.format: separator and quote are both '\"'; give them different signs"),
        (
            "separator: a",
            "source.format: separator: 'a' is of values, or ends lines; write another sign, such as ,",
        ),
        (
            'separator: "\\n"',
            "source.format: separator: '\\n' is of values, or ends lines; write another sign, such as ,",
        ),
        (
            "quote: «",
            "source.format: quote: '«' is none of ASCII; write '\"', or '' where quotes mean nothing",
        ),
    ],
)
def test_signs_of_a_format_that_no_reader_could_tell_apart_are_refused(
    tmp_path: Path, format: str, told: str
) -> None:
    source = f"source: {{kind: file, path: d.csv, format: {{type: csv, {format}}}}}"
    assert told in refused(tmp_path, (LINES[SOURCE], source))


def test_an_item_that_is_none_is_told_and_not_that_its_list_is_too_short(tmp_path: Path) -> None:
    source = (
        "source: {{kind: file, path: '{{partition}}.csv', format: {{type: csv}}, expected: {{weekdays:"
        " [{}]}}}}"
    )
    said = refused(tmp_path, (LINES[SOURCE], source.format("Mon")))
    assert "tiny.yaml: 1 mistake\n" in said
    assert "source.expected.weekdays.0: input should be 'mon'," in said
    assert "source.expected.weekdays: the list is empty; write at least one" in refused(
        tmp_path, (LINES[SOURCE], source.format(""))
    )


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("metric: {name: aucpr}", "metric: {name: cost}", "metric.name: cost needs what is at stake, and nobody has declared it: metric.false_positive, or a threshold by policy least_cost; metric.false_negative,"),
        ("metric: {name: aucpr}", "metric: {name: cost, false_positive: 1}", "metric: false_positive alone says nothing; a false alarm (false_positive) and a miss (false_negative) both have a cost"),
        ("metric: {name: aucpr}\nthreshold: {policy: max_recall, precision: 0.5}", "metric: {name: cost, false_positive: 1, false_negative: 2}\nthreshold: {policy: least_cost, false_positive: 1, false_negative: 2}", "metric: what errors cost is declared by threshold.policy least_cost already; leave false_positive and false_negative out of metric"),
        ("metric: {name: aucpr}", "metric: {name: aucpr, quantile: 0.9}", "metric.quantile belongs to regression tasks; leave it out of a binary"),
        ("metric: {name: aucpr}", "metric: {name: quantile_loss, quantile: 1}", "metric.quantile: "),
        ("metric: {name: aucpr}", "metric: {name: quantile_loss}", "metric.name: quantile_loss does not fit a binary task"),
        ("metric: {name: aucpr}", "metric: {name: precision_at_k}", "metric.name: precision_at_k needs what is at stake, and nobody has declared it: metric.k, such as 20"),
        ("metric: {name: aucpr}", "metric: {name: precision_at_k, k: 0}", "metric.k: "),
        ("metric: {name: aucpr}", "metric: {name: aucpr, margin: 1}", "metric.margin: aucpr lies between 0 and 1, so nothing is ever better by more than 1"),
        ("metric: {name: aucpr}", "metric: {name: aucpr}\nmonitoring: {min_performance: 80}", "monitoring.min_performance: aucpr lies between 0 and 1, found 80"),
        ("since: 7d}", "since: 0d}", "since 0d: such a window never holds a row"),
        ("slices: [channel]", "slices: [channel]\nschedule: {scoring: '0 2 31 2 *'}", "'0 2 31 2 *' never comes"),
    ],
)  # fmt: skip
def test_what_could_never_work_is_refused(tmp_path: Path, before: str, after: str, told: str) -> None:
    assert told in refused(tmp_path, (before, after))


def test_a_day_s_greatest_scores_cannot_be_told_of_a_part_of_its_rows(tmp_path: Path) -> None:
    told = refused(
        tmp_path,
        ("  by: time\n", "  by: hash\n"),
        ("metric: {name: aucpr}", "metric: {name: recall_at_k, k: 3}"),
    )
    assert "metric.k: of each day the greatest scores are taken, and split.by: hash holds out a part" in told


def test_halving_cannot_rank_by_a_metric_that_needs_a_threshold(tmp_path: Path) -> None:
    halving = ("linear: {grid: {C: [0.1, 1]}}", "linear: {grid: {C: [0.1, 1]}, search: halving}")
    told = refused(tmp_path, halving, ("metric: {name: aucpr}", "metric: {name: f1}"))
    assert "candidates.linear.search: halving ranks candidates fold by fold, and f1 needs a threshold" in told


@pytest.mark.parametrize(
    ("asked", "unit", "column"),
    [("unit: row", "row", None), ("slice_rows: 20", "day", None), ("unit: customer", "customer", "customer")],
)
def test_what_is_drawn_as_a_whole_is_the_unit_that_is_asked_for_or_follows_the_split(
    tmp_path: Path, asked: str, unit: str, column: str | None
) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(tiny.YAML.replace("unit: row, slice_rows: 20", asked))
    use_case = use_cases.load_file(path).use_case
    assert (use_case.unit, use_case.unit_column) == (unit, column)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            '{kind: sql, connection: "postgresql://me:s3cret@db/shop", query: select 1}',
            "source.connection: not the id of a connection",
        ),
        (
            (
                f'{{kind: http, url: "https://me:s3cret@host/a.csv", sha256: {"0" * 64}, mirror: a, licence:'
                " none, format: {type: csv}}"
            ),
            "source.url: holds a user or a password",
        ),
    ],
)
def test_a_password_has_no_place_in_the_file_and_is_not_repeated(
    tmp_path: Path, source: str, told: str
) -> None:
    message = refused(tmp_path, ('{kind: python, function: "tests.helpers.tiny:payments"}', source))
    assert told in message
    assert "s3cret" not in message


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            'sink: {connection: "postgresql://me:s3cret@db/shop", table: scores}',
            "sink.connection: not the id of a connection",
        ),
        ('alerts: {webhook: "https://me:s3cret@chat/hook"}', "alerts.webhook: not the id of a connection"),
    ],
)
def test_nor_has_one_that_is_sent_to(tmp_path: Path, line: str, told: str) -> None:
    message = refused(tmp_path, ("demo: {", f"{line}\ndemo: {{"))
    assert told in message
    assert "s3cret" not in message
