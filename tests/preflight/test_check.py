"""What is wrong with a use-case file is told before a run, all at once, each with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.core import use_cases
from pipelines.core.errors import BadUseCase
from pipelines.preflight.check import absent, check
from pipelines.storage.settings import ROOT
from tests.helpers import tiny

OURS = ROOT / "include" / "use_cases"


def mistakes(tmp_path: Path, *changes: tuple[str, str]) -> list[tuple[int, str]]:
    """The mistakes of the tiny use case after some of its text was replaced."""
    text = tiny.YAML
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "tiny.yaml"
    path.write_text(text)
    return check(use_cases.load_file(path))


@pytest.mark.parametrize("name", use_cases.names(OURS))
def test_our_use_cases_are_good(name: str) -> None:
    assert check(use_cases.load(OURS, name)) == []


@pytest.mark.parametrize("days", [2, 7, 8, 90])
def test_a_bound_on_labels_is_judged_however_late_they_come(tmp_path: Path, days: int) -> None:
    known = ("    bad_before: avg(bad) over known\n", "")
    late = ("delay_days: 2}", f"delay_days: {days}}}\nmonitoring: {{min_performance: 0.1}}")
    assert mistakes(tmp_path, known, late) == []


@pytest.mark.parametrize("path", ["day-{partition}.csv", "**/*.csv", "rows.csv"])
def test_a_source_without_any_file_is_told_and_one_with_a_file_is_good(tmp_path: Path, path: str) -> None:
    source = f'{{kind: file, path: "{tmp_path}/{path}", format: {{type: csv}}}}'
    file = tmp_path / "tiny.yaml"
    file.write_text(tiny.YAML.replace('{kind: python, function: "tests.helpers.tiny:payments"}', source))
    ((line, sentence),) = absent(use_cases.load_file(file))
    assert sentence.startswith("source.path: no file '")
    assert "source:" in file.read_text().splitlines()[line - 1]
    (tmp_path / path.replace("**/*", "rows").replace("{partition}", "2026-01-01")).write_text("")
    assert absent(use_cases.load_file(file)) == []


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (
            "tests.tinny:payments",
            "no module 'tests.tinny'; write package.module:function as seen from the project's root",
        ),
        (
            "tests.helpers.tiny:payment",
            "module tests.helpers.tiny has no function 'payment'; did you mean 'payments'?; write one that the"
            " module has",
        ),
        (
            "ending_check:payments",
            "importing ending_check ends the program (SystemExit: 3); correct the module",
        ),
    ],
)
def test_a_function_that_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, told: str
) -> None:
    (tmp_path / "ending_check.py").write_text("import sys\n\nsys.exit(3)\n")
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "tiny.yaml"
    file.write_text(tiny.YAML.replace("tests.helpers.tiny:payments", function))
    assert absent(use_cases.load_file(file)) == [(5, f"source.function: {told}")]
    file.write_text(tiny.YAML)
    assert absent(use_cases.load_file(file)) == []


@pytest.mark.parametrize("part", ["source", "sink"])
def test_a_connection_that_is_seen_and_is_no_address_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    source = (
        '{kind: sql, connection: shop, query: "select 1"}'
        if part == "source"
        else '{kind: python, function: "tests.helpers.tiny:payments"}'
    )
    more = "" if part == "source" else "sink: {connection: shop, table: scores}\n"
    file = tmp_path / "tiny.yaml"
    file.write_text(
        tiny.YAML.replace('{kind: python, function: "tests.helpers.tiny:payments"}', source) + more
    )
    monkeypatch.delenv("AIRFLOW_CONN_SHOP", raising=False)
    assert absent(use_cases.load_file(file)) == []  # Airflow may keep it
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", "s3cret and no address")
    ((line, sentence),) = absent(use_cases.load_file(file))
    assert sentence.startswith(
        f"{part}.connection: AIRFLOW_CONN_SHOP is no address of a database; set AIRFLOW_CONN_SHOP to an"
        " address"
    )
    assert "shop" in file.read_text().splitlines()[line - 1]
    assert "s3cret" not in sentence
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", "sqlite:///shop.db")
    assert absent(use_cases.load_file(file)) == []


def test_the_tiny_use_case_is_good(tmp_path: Path) -> None:
    assert mistakes(tmp_path) == []


def test_mistakes_are_told_all_at_once_with_their_lines(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path,
        ("amount: amount", "amount: amuont"),
        ("C: [0.1, 1]", "Cc: [0.1, 1]"),
        ("over known", "over week"),
    )
    lines = (tmp_path / "tiny.yaml").read_text().splitlines()
    assert [(lines[line - 1].strip().split(":")[0], text.split(":")[0]) for line, text in sorted(found)] == [
        ("amount", "features.numbers.amount"),
        ("bad_before", "features.numbers.bad_before"),
        ("linear", "candidates.linear.grid.Cc"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "unit: row, ",
            "",
            "split.window_days: 5 days are held out, and an interval is drawn from 10 at least",
        ),
        ("unit: row, ", "unit: day, ", "promotion.unit: 5 days are held out"),
        ("min: 0}", "allowed: [much]}", "columns.amount.allowed: 'much' is no number"),
        (
            "customer: {type: string, required: true}",
            "customer: {type: string, min: 1}",
            "columns.customer: min and max are for numbers",
        ),
        (
            "role: label, allowed: [0, 1]}",
            "role: label}",
            "columns.bad: a binary label names both of its values",
        ),
        (
            "role: label, allowed: [0, 1]}",
            "role: label, allowed: [0, 1], required: true}",
            "columns.bad.required: rows to be scored have no label",
        ),
        ("{positive: 1,", "{positive: very,", "label.positive: 'very' is no integer"),
        ("lower: [channel]", "lower: [amount]", "cleanse.lower: amount is a number"),
        ("merge: {channel:", "merge: {amount:", "cleanse.merge: amount is a number"),
        (
            "[web]}",
            "[web, WEB], chip: [' Web']}",
            "cleanse.merge.channel: 'web' is to become 'online' and 'chip'; leave it in one of the two lists",
        ),
        ("lower: [channel]", "missing: {bad: [0.1, n/a], at: [7]}", "cleanse.missing.at: 7 is no timestamp"),
        ("lower: [channel]", "fill: {amount: much}", "cleanse.fill.amount: 'much' is no number"),
        ("min: 0}", "min: 9007199254740993}", "columns.amount.min: 9007199254740993 is no number"),
        ("min: 0}", "min: 2026-01-31}", "columns.amount.min: 2026-01-31 is no number"),
        ("role: time}", "role: time, min: 5}", "columns.at.min: 5 is no timestamp"),
        (
            "role: time}",
            "role: time, max: 2026-01-31}",
            "columns.at.max: 2026-01-31 would be the midnight with which that day begins: write",
        ),
        (
            "role: time}",
            "role: time, min: '1899-12-31'}",
            "columns.at.min: 1899-12-31 is before 1900, and no such timestamp is read",
        ),
        (
            "role: time}",
            "role: time, min: 2026-02-01, max: '2026-01-31T10:00:00'}",
            "columns.at: min 2026-02-01 is greater than max 2026-01-31T10:00:00, so no value would be good",
        ),
        (
            "{type: string, allowed: [chip, online]}",
            "{type: date, min: '2026-01-31T10:00:00'}",
            "columns.channel.min: 2026-01-31T10:00:00 is no date: write 2026-01-31",
        ),
        (
            "min: 0}",
            "min: 0, max: -1}",
            "columns.amount: min 0 is greater than max -1, so no value would be good",
        ),
        (
            "required: true}",
            "required: true}\n  n: {type: integer, allowed: ['1.5']}",
            "columns.n.allowed: '1.5' is no integer",
        ),
        ("lower: [channel]", "fill: {amount: nan}", "cleanse.fill.amount: 'nan' is no number"),
        ("lower: [channel]", "missing: {bad: [0.5]}", "cleanse.missing.bad: 0.5 is no integer"),
        ("lower: [channel]", "fill: {bad: 0}", "cleanse.fill.bad: a label that is made up teaches nothing"),
        (
            "lower: [channel]",
            "rename: {Betrag: amuont}",
            "cleanse.rename.Betrag: no column 'amuont'; did you mean 'amount'?",
        ),
        (
            "lower: [channel]",
            "rename: {Tip: amount, Tipp: amount}",
            "cleanse.rename.Tipp: 'amount' is 'Tip' in the source already; a column has one name there",
        ),
        (
            "lower: [channel]",
            "rename: {bad: amount}",
            "cleanse.rename.bad: in the source, 'amount' and 'bad' would both be 'bad'",
        ),
        (
            "lower: [channel]",
            "rename: {ID: customer}",
            "cleanse.rename.ID: in the source, 'id' and 'customer' would both be 'ID'",
        ),
        ("lower: [channel]", "rules: {cheap: amuont < 5}", "cleanse.rules.cheap: no column 'amuont'"),
        (
            "lower: [channel]",
            "rules: {cheap: amount <}",
            "cleanse.rules.cheap: 'amount <' cannot be read: syntax error",
        ),
        (
            "lower: [channel]",
            "rules: {cheap: amount + 1}",
            "cleanse.rules.cheap: 'amount + 1' is a DOUBLE; write a condition",
        ),
        (
            "lower: [channel]",
            "rules: {cheap: amount < avg(amount)}",
            "cleanse.rules.cheap: avg() takes many rows",
        ),
        (
            "lower: [channel]",
            "rules: {new: '\"at\" < now()'}",
            "cleanse.rules.new: now() changes from run to run",
        ),
        ('payments"}', 'payments", derive: {amount: lenght(customer)}}', "source.derive.amount"),
        (
            'payments"}',
            'payments", derive: {amuont: length(customer)}}',
            "source.derive.amuont: no column 'amuont'",
        ),
        (
            'payments"}',
            'payments", derive: {channel: amount > 1}}',
            "source.derive.channel: it is a BOOLEAN, and channel a string: say how",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert told in "\n".join(text for _, text in mistakes(tmp_path, (old, new)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "lower: [channel]",
            "rules: {young: \"at > '2026-01-01' and date_diff('day', date '2020-01-01', at) > 3\"}",
        ),
        ("log_amount: ln(1 + amount)", "log_amount: date_diff('day', date '2020-01-01', at)"),
        ("log_amount: ln(1 + amount)", "log_amount: date_diff('day', max(at) over week, at)"),
        ('payments"}', """payments", derive: {amount: "date_diff('day', date '2020-01-01', at)"}}"""),
    ],
)
def test_a_column_that_is_a_word_of_sql_is_told_to_stand_in_quotes(
    tmp_path: Path, old: str, new: str
) -> None:
    ((_, sentence),) = mistakes(tmp_path, (old, new))
    assert "cannot be read: syntax error" in sentence
    assert sentence.endswith('; at is a word of SQL: write the column in double quotes: "at"')


def test_a_derived_column_may_use_the_sources_own_names(tmp_path: Path) -> None:
    changes = [
        ('payments"}', 'payments", derive: {amount: length("Kunde")}}'),
        ("lower: [channel]", "rename: {Kunde: customer}"),
    ]
    assert mistakes(tmp_path, *changes) == []


LEAK = (
    "  channel:  {",
    "  tip: {type: number, role: leak, why: given afterwards}\n  peek: {type: number}\n  channel:  {",
)


@pytest.mark.parametrize(
    ("derive", "told"),
    [
        (
            '{peek: "case when bad = 1 then 1 else 0 end"}',
            "source.derive.peek: it is made of 'bad', the label",
        ),
        ('{peek: "tip * 2"}', "source.derive.peek: it is made of 'tip', a leak: given afterwards"),
        ('{hint: "BAD + 1", peek: "hint * 2"}', "source.derive.peek: it is made of 'bad', the label"),
        ('{tip: "amount * 2", peek: "tip"}', "source.derive.peek: it is made of 'tip', a leak"),
        ('{at: "make_timestamp(bad)"}', "source.derive.at: it is made of 'bad', the label"),
    ],
)
def test_no_column_is_derived_of_what_is_known_only_afterwards(
    tmp_path: Path, derive: str, told: str
) -> None:
    hint = ("  channel:  {", "  hint: {type: number, role: ignored}\n  channel:  {")
    assert told in "\n".join(
        text for _, text in mistakes(tmp_path, LEAK, hint, ('payments"}', f'payments", derive: {derive}}}'))
    )


def test_a_column_is_not_derived_of_the_label_by_the_sources_own_name_for_it(tmp_path: Path) -> None:
    changes = [
        ('payments"}', """payments", derive: {peek: '"Schlecht?" + 1'}}"""),
        ("lower: [channel]", "rename: {Schlecht?: bad}"),
    ]
    ((_, told),) = mistakes(tmp_path, LEAK, *changes)
    assert told.startswith("source.derive.peek: it is made of 'bad', the label")


def test_the_label_and_leaks_may_be_derived_of_one_another_and_of_anything(tmp_path: Path) -> None:
    leak = (
        "  channel:  {",
        "  late: {type: number, role: leak}\n  tip: {type: number, role: leak}\n  channel:  {",
    )
    assert (
        mistakes(
            tmp_path,
            leak,
            ('payments"}', 'payments", derive: {tip: "amount * 2", bad: "tip > amount", late: "bad + tip"}}'),
        )
        == []
    )


LATE = (
    "  channel:  {",
    "  tip: {type: number, role: leak, known_after: 7d}\n  hint: {type: number, role: leak}\n  channel:  {",
)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            [("role: leak, known", "role: leak, required: true, known")],
            "columns.tip.required: tip is known only 7d after its row's moment",
        ),
        ([("lower: [channel]", "drop: [tip]")], "cleanse.drop: tip is known only 7d after its row's moment"),
        (
            [("lower: [channel]", "fill: {tip: 0}")],
            "cleanse.fill.tip: tip is known only 7d after its row's moment, and would be filled",
        ),
        (
            [("lower: [channel]", "rules: {r: tip > bad}")],
            "cleanse.rules.r: 'tip > bad' reads 'bad' and 'tip', which are known one after",
        ),
        ([("lower: [channel]", "rules: {r: hint > 1}")], "cleanse.rules.r: no column 'hint'"),
        (
            [('payments"}', 'payments", derive: {tip: hint}}')],
            "source.derive.tip: it is made of 'hint', a leak of which nobody knows when",
        ),
        (
            [("by: time, n: 3", "by: group, group: tip, n: 3")],
            "split.folds.group: no column 'tip'; there are id, at, customer, amount, channel",
        ),
        (
            [("avg(bad) over known", "avg(tip) over known")],
            "features.numbers.bad_before: 'tip' over known: not known yet; the window's until",
        ),
        (
            [
                ('payments"}', 'payments", derive: {tip: bad}}'),
                ("delay_days: 2", "delay_days: 8"),
                ("until: 2d", "until: 7d"),
                ("avg(bad)", "avg(tip)"),
            ],
            (
                "source.derive.tip: it is made of 'bad', which is known after 8d: its own known_after must be"
                " at least that"
            ),
        ),
        (
            [
                ('payments"}', 'payments", derive: {bad: "CAST(tip > 0 AS INT)"}}'),
                ("delay_days: 2", "delay_days: 7"),
                ("until: 2d", "until: 7d"),
            ],
            (
                "source.derive.bad: it is made of 'tip', which is known 7d after its row's moment:"
                " label.delay_days must be at least 8"
            ),
        ),
    ],
)
def test_what_no_row_has_when_it_is_scored_is_not_asked_of_it(
    tmp_path: Path, changes: list[tuple[str, str]], told: str
) -> None:
    try:
        found = [text for _, text in mistakes(tmp_path, LATE, *changes)]
    except BadUseCase as error:
        found = [str(error)]
    assert len(found) == 1
    assert told in found[0]


def test_a_leak_with_its_own_time_may_be_read_judged_and_derived(tmp_path: Path) -> None:
    changes = [
        ('payments"}', 'payments", derive: {tip: "amount * bad"}}'),
        ("until: 2d", "until: 7d"),
        ("avg(bad)", "avg(tip)"),
        (
            "lower: [channel]",
            "missing: {tip: [-1]}\n  rules: {small: tip < amount, known: bad = 1 or amount > 0}",
        ),
    ]
    assert mistakes(tmp_path, LATE, *changes) == []


@pytest.mark.parametrize(
    ("expectation", "good"),
    [
        ("expect_column_values_to_be_between: {column: n, max_value: 9007199254740993}", True),
        ("expect_column_values_to_be_between: {column: n, max_value: '9007199254740993'}", False),
        ("expect_column_values_to_be_between: {column: amount, max_value: 9007199254740993}", False),
        ("expect_column_values_to_be_between: {column: amount, max_value: 9007199254740994}", True),
        ("expect_column_mean_to_be_between: {column: n, max_value: 9007199254740993}", False),
        ("expect_multicolumn_sum_to_equal: {column_list: [n, m], sum_total: 9007199254740992}", False),
        ("expect_multicolumn_sum_to_equal: {column_list: [n, m], sum_total: 9007199254740991}", True),
    ],
)
def test_a_number_that_an_expectation_cannot_tell_from_the_next_is_refused(
    tmp_path: Path, expectation: str, good: bool
) -> None:
    columns = ("  channel:  {", "  n: {type: integer}\n  m: {type: integer}\n  channel:  {")
    found = mistakes(tmp_path, columns, ("demo:", f"gates: {{clean: [{expectation}]}}\ndemo:"))
    assert ["from 2^53 on" in sentence for _, sentence in found] == ([] if good else [True])


@pytest.mark.parametrize(
    ("group", "told"),
    [("tip", "no column 'tip'"), ("bad", "'bad' is the label"), ("shop", "no column 'shop'")],
)
def test_rows_are_kept_together_by_a_column_that_clean_rows_have(
    tmp_path: Path, group: str, told: str
) -> None:
    leak = ("  channel:  {", "  tip: {type: number, role: leak}\n  channel:  {")
    with pytest.raises(
        BadUseCase, match=f"split.folds.group: {told}.*; there are id, at, customer, amount, channel"
    ):
        mistakes(tmp_path, leak, ("by: time, n: 3", f"by: group, group: {group}, n: 3"))


def test_two_columns_may_swap_their_names(tmp_path: Path) -> None:
    assert mistakes(tmp_path, ("lower: [channel]", "rename: {amount: customer, customer: amount}")) == []


@pytest.mark.parametrize("style", ["|", ">", "|-"])
@pytest.mark.parametrize(
    ("lines", "at", "told"),
    [
        (["amount > 3", "and and channel = 'chip'"], 2, 'cannot be read: syntax error at or near "and"'),
        (
            ["amount > 3", "and (channel = 'chip'", "  or amount > 4"],
            3,
            'cannot be read: syntax error at or near "FROM"',
        ),
        (
            ["amount > 3", "and chanel = 'chip'", "and amount < 9"],
            2,
            "no column 'chanel'; did you mean 'channel'?",
        ),
        (
            ["amount > 3", "and lenght(channel) > 2"],
            2,
            "lenght() is no function that a use case may call; did you mean 'length'?",
        ),
        (["amount > 3", "and amount >", "  avg(amount)"], 3, "avg() takes many rows"),
        (["amount", "+ 1"], 1, "write a condition"),
    ],
)
def test_a_mistake_in_a_condition_of_many_lines_is_told_with_its_own_line(
    tmp_path: Path, style: str, lines: list[str], at: int, told: str
) -> None:
    rule = "".join(f"      {line}\n" for line in lines)
    ((line, sentence),) = mistakes(tmp_path, ("cleanse:\n", f"cleanse:\n  rules:\n    dear: {style}\n{rule}"))
    assert told in sentence
    text = (tmp_path / "tiny.yaml").read_text().splitlines()
    assert text[line - 1].strip() == lines[at - 1].strip()
    assert len(sentence.splitlines()) == 1


def test_the_line_is_right_in_every_way_to_write_a_long_text(tmp_path: Path) -> None:
    for written in (
        "amount\n      > nmber",
        '"amount\n      > nmber"',
        "'amount\n\n      > nmber'",
        ">  # one line\n      amount\n      > nmber\n",
    ):
        ((line, _),) = mistakes(tmp_path, ("cleanse:\n", f"cleanse:\n  rules:\n    dear: {written}\n"))
        assert "> nmber" in (tmp_path / "tiny.yaml").read_text().splitlines()[line - 1]


def test_a_feature_of_many_lines_is_told_with_its_own_line(tmp_path: Path) -> None:
    ((line, sentence),) = mistakes(
        tmp_path, ("log_amount: ln(1 + amount)", "log_amount: |\n      ln(1\n        + amuont)")
    )
    assert (tmp_path / "tiny.yaml").read_text().splitlines()[line - 1] == "        + amuont)"
    assert "no column 'amuont'" in sentence


@pytest.mark.parametrize(
    ("gates", "told"),
    [
        ("raw: [{expect_table_row_count_to_be_like_past_partition: {}}]", "did you mean 'expect_table_row_count_to_be_like_past_partitions'?"),
        ("raw: [{expect_newest_row_to_be_within: {hours: 6, hour: 6}}]", "no argument 'hour'; did you mean 'hours'?"),
        ("clean: [{expect_column_values_to_be_unique: {column: amount, row_condition: {type: pass_through, pass_through_filter: a}}}]", "row_condition is a text"),
        ("clean: [{expect_column_quantile_values_to_be_between: {column: amount, quantile_ranges: {a: 1}}}]", "'quantiles'"),
        ("raw: [{expect_newest_row_to_be_within: {}}]", "the argument 'hours' is missing"),
        ("raw: [{expect_newest_row_to_be_within: {hours: 0}}]", "hours: Input should be greater than 0, found 0"),
        ("raw: [{expect_table_row_count_to_be_like_past_partitions: {partitions: 2.5}}]", "partitions: Input should be a valid integer, found 2.5"),
        ("raw: [{expect_column_values_to_be_known: {column: custmer, mostly: 1}}]", "no column 'custmer'; did you mean 'customer'?"),
        ("features: [{expect_feature_not_to_tell_the_label: {column: amuont, max_value: 0.9}}]", "no column 'amuont'; did you mean 'amount'?"),
        ("clean: [{expect_feature_not_to_tell_the_label: {column: amount, max_value: 0.9}}]", "gates.clean.0: expect_feature_not_to_tell_the_label: clean has no features"),
    ],
)  # fmt: skip
def test_a_mistaken_expectation_of_sluices_own_is_told(tmp_path: Path, gates: str, told: str) -> None:
    ((line, sentence),) = mistakes(tmp_path, ("demo:", f"gates:\n  {gates}\ndemo:"))
    assert told in sentence
    assert "expect_" in (tmp_path / "tiny.yaml").read_text().splitlines()[line - 1]
