"""A night beside those that were let through: plain damages close the gate, days like the others do not, and
a word opens it.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.core.config import Kind
from pipelines.core.errors import BadInput, GateClosed, TableCorrupt
from pipelines.gates import gate, show
from pipelines.gates.earlier import accepted, profile, steady
from pipelines.gates.earlier.measuring import measure
from pipelines.gates.earlier.shape import shape
from pipelines.gates.findings import Finding
from pipelines.gates.verdict import GateVerdict
from pipelines.run import archive
from pipelines.run.run import Run
from pipelines.storage import kept
from pipelines.storage.settings import Settings
from pipelines.storage.store import as_json
from tests.helpers import judged as evidence
from tests.helpers import tables, tiny

NIGHT = tables.PARTITIONS["scoring"]
DAY = timedelta(days=1)
COLUMN, ROWS = steady.COLUMN, steady.ROWS

Opened = Callable[[Kind, date], Run]


def rows(day: date, n: int = 400) -> str:
    """SQL of a day's clean rows: log-normal amounts around each customer's own, by day, seldom at night."""
    u = "((hash(i, {}, 'DAY') >> 11) / 9007199254740992.0)".replace("DAY", str(day))
    normal = f"(sqrt(-2 * ln(1e-12 + {u.format(1)})) * cos(2 * pi() * {u.format(2)}))"
    customer = f"floor(40 * {u.format(3)})::INT"
    return f"""SELECT '{day}-' || i AS id, TIMESTAMP '{day}' + to_seconds(floor(3600 * (8 + 12 * {u.format(4)}))::INT) AS at,
        'c' || {customer} AS customer, round(exp(3 + ({customer} % 7 - 3) / 3.0 + 0.5 * {normal}), 2)::DOUBLE AS amount,
        if({u.format(5)} < 0.3 + 0.4 * ({customer} % 2), 'chip', 'online') AS channel, NULL::BIGINT AS bad FROM range({n}) AS t(i)"""


def publish(
    run: Run, day: date, damage: str = "FROM rows", *, passed: bool = True, kind: Kind = "scoring"
) -> Run:
    """Publish a day's clean rows, damaged, with what its gate has said."""
    night = Run.open(run.use_case.name, kind, day, run.settings)
    made = night.store.connection.sql(f"WITH rows AS ({rows(day)}) {damage}")
    night.store.write("raw", made)
    night.store.write("quarantine", night.store.connection.sql(f"{tables.QUARANTINE} LIMIT 0"))
    night.store.write("clean", made)
    evidence.clearance(night.store, "clean", passed=passed)
    return night


@pytest.fixture(scope="module")
def three_weeks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables of three weeks of nights, and their profiles: made once."""
    place = tmp_path_factory.mktemp("three_weeks")
    (place / "use_cases").mkdir()
    (place / "use_cases" / f"{tiny.NAME}.yaml").write_text(tiny.YAML)
    settings = Settings(
        data=place / "data", use_cases=place / "use_cases", var=place / "var", mlflow="", mirror=None
    )
    run = Run.open(tiny.NAME, "scoring", NIGHT, settings)
    for n in range(1, 22):
        night = publish(run, NIGHT - n * DAY)
        profile.of(night.store, night.use_case, "clean")
    return place / "data"


@pytest.fixture
def night(open_run: Opened, three_weeks: Path) -> Run:
    """A night with three weeks of others before it."""
    run = open_run("scoring", NIGHT)
    shutil.copytree(three_weeks, run.settings.disk, dirs_exist_ok=True)
    return run


def closed(run: Run) -> dict[str, Finding]:
    """Column (or table) -> what closes gate_clean by comparison."""
    return {
        finding.subject: finding
        for finding in gate.verdict_on(run, "clean").failed("stop")
        if finding.name in (COLUMN, ROWS)
    }


def test_a_day_like_the_others_closes_nothing(night: Run) -> None:
    verdict = gate.verdict_on(publish(night, NIGHT).task(), "clean")
    found = {finding.subject: finding for finding in verdict.findings if finding.name in (COLUMN, ROWS)}
    assert {name for name, finding in found.items() if not finding.success} == set()
    assert set(found) == {"amount", "customer", "channel", "at", "table"}
    assert found["amount"].found.startswith("observed all ")
    assert "21 earlier days 2026-01-11 to 2026-01-31" in found["amount"].why


@pytest.mark.parametrize(
    ("damage", "subject", "said"),
    [
        (
            "SELECT * REPLACE (amount * 0.3 AS amount) FROM rows",
            "amount",
            "observed values about 0.3 times the usual; share of rows below",
        ),
        ("SELECT * REPLACE (amount * 2 AS amount) FROM rows", "amount", "values about 2"),
        (
            "SELECT * REPLACE (NULL::DOUBLE AS amount) FROM rows",
            "amount",
            "share of rows with a value: 0 (allowed: at least",
        ),
        ("SELECT * REPLACE (20::DOUBLE AS amount) FROM rows", "amount", "share of rows below"),
        ("SELECT * REPLACE ('chip' AS channel) FROM rows", "channel", "share of 'chip': 1"),
        ("SELECT * FROM rows WHERE channel = 'chip'", "channel", "share of 'online': 0"),
        ('SELECT * REPLACE ("at" - INTERVAL 6 HOUR AS "at") FROM rows', "at", "hour of the day"),
        (
            "FROM rows UNION ALL SELECT * REPLACE (id || '-2' AS id) FROM rows WHERE hash(id) % 10 < 4",
            "table",
            "repeat another one",
        ),
        (
            'SELECT * REPLACE ("at" + INTERVAL 7 DAY AS "at", \'x\' || id AS id) FROM ('
            + rows(NIGHT - 7 * DAY)
            + ")",
            "table",
            "stand in one earlier day",
        ),
        (
            (
                "SELECT * REPLACE (one.id AS id) FROM rows POSITIONAL JOIN (SELECT id FROM"
                f" ({rows(NIGHT - DAY)})) AS one"
            ),
            "table",
            "keys",
        ),
        (
            "SELECT * REPLACE (if(hash(id) % 5 = 0, 'telex', channel) AS channel) FROM rows",
            "channel",
            "no earlier day has",
        ),
    ],
)
def test_a_plain_damage_closes_the_gate(night: Run, damage: str, subject: str, said: str) -> None:
    damage = damage.replace(
        "SELECT * REPLACE (one.id AS id) FROM rows POSITIONAL",
        "SELECT rows.* REPLACE (one.id AS id) FROM rows POSITIONAL",
    )
    finding = closed(publish(night, NIGHT, damage))[subject]
    assert said in finding.found


RENAMED = 'SELECT * RENAME (amount AS paid, "at" AS moment, channel AS way) FROM'
NEW_NAMES = {
    "  amount:   {": "  paid: {",
    "amount: amount": "amount: paid",
    "1 + amount": "1 + paid",
    "avg(amount)": "avg(paid)",
    "  at:  ": "  moment:  ",
    "  channel:  {": "  way: {",
    "lower: [channel]": "lower: [way]",
    "merge: {channel:": "merge: {way:",
    "channel: channel": "channel: way",
}


@pytest.mark.parametrize(
    ("damage", "subject"),
    [
        ("amount * 0.3 AS amount", "paid"),
        ("'chip' AS channel", "way"),
        ('"at" - INTERVAL 6 HOUR AS "at"', "moment"),
    ],
)
def test_columns_that_the_file_has_renamed_are_compared_all_the_same(
    night: Run, damage: str, subject: str
) -> None:
    renamed_file(night)
    assert closed(publish(night, NIGHT, f"{RENAMED} rows")) == {}
    assert closed(publish(night, NIGHT, f"{RENAMED} (SELECT * REPLACE ({damage}) FROM rows)")).keys() >= {
        subject
    }


def renamed_file(night: Run) -> None:
    """The file calls its columns otherwise from now on."""
    archive.keep(night)
    file = night.settings.use_cases / "tiny.yaml"
    text = file.read_text().replace(
        "lower: [", "rename: {amount: paid, at: moment, channel: way}\n  lower: ["
    )
    for was, is_ in NEW_NAMES.items():
        text = text.replace(was, is_)
    file.write_text(text)


def copy_of(of: date, on: date) -> str:
    return (
        f'SELECT * REPLACE ("at" + INTERVAL {(on - of).days} DAY AS "at", \'x\' || id AS id) FROM'
        f" ({rows(of)})"
    )


def test_rows_that_come_again_are_known_though_the_file_has_its_columns_in_another_order(night: Run) -> None:
    archive.keep(night)
    file = night.settings.use_cases / "tiny.yaml"
    channel = next(
        line for line in tiny.YAML.splitlines(keepends=True) if line.startswith("  channel:  {type")
    )
    file.write_text(tiny.YAML.replace(channel, "").replace("  customer: {", f"{channel}  customer: {{"))
    assert closed(publish(night, NIGHT)) == {}
    found = closed(publish(night, NIGHT, copy_of(NIGHT - DAY, NIGHT)))["table"].found
    assert (
        "share of rows that stand in one earlier day, but for key and time: " in found
        or "one half of their columns: 1 " in found
    )


def test_a_shuffled_column_is_told_by_what_depended_on_it(night: Run) -> None:
    shuffled = """SELECT a.* REPLACE (b.amount AS amount) EXCLUDE (n) FROM (SELECT *, row_number() OVER (ORDER BY hash(id, 1)) AS n FROM rows) a
        JOIN (SELECT amount, row_number() OVER (ORDER BY hash(id, 2)) AS n FROM rows) b USING (n)"""
    shuffled = shuffled.replace(
        "a.* REPLACE (b.amount AS amount) EXCLUDE (n)", "a.* EXCLUDE (n) REPLACE (b.amount AS amount)"
    )
    assert "amount" in closed(publish(night, NIGHT, shuffled))


def test_nights_that_were_stopped_or_come_later_say_nothing(open_run: Opened) -> None:
    run = open_run("scoring", NIGHT)
    for n in range(1, 22):
        publish(run, NIGHT - n * DAY, passed=n > 15)
        publish(run, NIGHT + n * DAY)
    assert closed(publish(run, NIGHT, "SELECT * REPLACE (amount * 9 AS amount) FROM rows")) == {}
    why = {finding.why for finding in gate.verdict_on(run, "clean").findings}
    assert "fewer than 7 earlier days that were let through: nothing to compare with" in why


def test_the_first_night_is_compared_with_the_days_of_the_training(open_run: Opened) -> None:
    run = open_run("scoring", NIGHT)
    training = Run.open(tiny.NAME, "training", NIGHT - DAY, run.settings)
    days = " UNION ALL ".join(f"({rows(NIGHT - n * DAY)})" for n in range(3, 23))
    training.store.write("clean", training.store.connection.sql(days))
    evidence.clearance(training.store, "clean")
    assert closed(publish(run, NIGHT)) == {}
    assert set(closed(publish(run, NIGHT, "SELECT * REPLACE (amount * 2 AS amount) FROM rows"))) == {"amount"}


def test_a_day_of_a_training_by_an_edited_file_is_held_against_its_night_by_the_columns_that_mean_the_same(
    night: Run,
) -> None:
    archive.keep(night)  # the file by which the three weeks were made
    path = night.settings.use_cases / f"{tiny.NAME}.yaml"
    path.write_text(
        tiny.YAML.replace("{type: number, min: 0}", "{type: number, min: 0, max: 1000000}").replace(
            "ln(1 +", "ln(2 +"
        )
    )

    def damaged(change: str) -> set[str]:
        run = Run.open(tiny.NAME, "training", NIGHT - DAY, night.settings)
        days = [
            f"SELECT * REPLACE ({change}) FROM ({rows(NIGHT - 9 * DAY)})",
            *(f"({rows(NIGHT - n * DAY)})" for n in range(3, 22) if n != 9),
        ]
        made = run.store.connection.sql(" UNION ALL ".join(days))
        run.store.write("raw", made)
        run.store.write("quarantine", run.store.connection.sql(f"{tables.QUARANTINE} LIMIT 0"))
        run.store.write("clean", made)
        return set(closed(run))

    assert damaged("amount AS amount") == set()
    both = 'amount * 2 AS amount, "at" - INTERVAL 6 HOUR AS "at"'
    assert damaged(both) == {"amount", "at"}
    path.write_text(tiny.YAML.replace("cleanse:\n", "cleanse:\n  fill: {amount: 0}\n"))
    assert damaged(both) == {"at"}, "by amount something else is meant"


def test_what_earlier_nights_say_is_read_from_their_profiles_and_never_from_another_tables(
    night: Run,
) -> None:
    assert closed(publish(night, NIGHT)) == {}
    yesterday = night.store.at("scoring", NIGHT - DAY)
    first = profile.of(yesterday, night.use_case, "clean")
    assert profile.read(yesterday.read_file(profile.file_name("clean")), yesterday.digest("clean")) == first
    other = publish(night, NIGHT - DAY, "SELECT * REPLACE (amount + 1 AS amount) FROM rows")
    assert profile.of(other.store, night.use_case, "clean").days != first.days


NUMBER = r"(?m)(?<= )\d+\.\d+(?=,?$)"
DAMAGED: dict[str, Callable[[str], str]] = {
    "cut off": lambda whole: whole[: len(whole) // 2],
    "empty": lambda whole: "",
    "a list": lambda whole: "[1]",
    "no number": lambda whole: re.sub(NUMBER, "NaN", whole),
    "beyond all numbers": lambda whole: re.sub(NUMBER, "Infinity", whole),
    "other numbers": lambda whole: re.sub(NUMBER, "-1.0", whole),
    "texts for numbers": lambda whole: re.sub(NUMBER, r'"\g<0>"', whole),
    "a column less": lambda whole: whole.replace('"amount"', '"another"'),
    "another day": lambda whole: whole.replace(str(NIGHT - DAY), str(NIGHT - 3 * DAY)),
    "no day": lambda whole: json.dumps(json.loads(whole) | {"days": {}}),
    "days of another shape": lambda whole: json.dumps(json.loads(whole) | {"days": [7]}),
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_profile_of_an_earlier_night_is_made_anew_from_its_table(
    night: Run, damage: Callable[[str], str]
) -> None:
    path = night.store.at("scoring", NIGHT - DAY).disk / profile.file_name("clean")
    whole = path.read_text()
    path.write_text(damage(whole))
    assert set(closed(publish(night, NIGHT, DOUBLED))) == {"amount"}
    assert path.read_text() == whole


def test_a_profile_that_tells_what_cannot_be_is_none(night: Run) -> None:
    one = profile.of(night.store.at("scoring", NIGHT - DAY), night.use_case, "clean")
    assert profile.read(one.as_json(), one.digest) == one
    (day,) = one.days.values()
    more_than_all = replace(one, days={NIGHT - DAY: replace(day, doubled={"with the time": 1.5})})
    assert profile.read(more_than_all.as_json(), one.digest) is None


def test_the_file_may_allow_a_column_to_shift_further(night: Run) -> None:
    path = night.settings.use_cases / f"{tiny.NAME}.yaml"
    path.write_text(tiny.YAML + f"gates:\n  clean:\n    - {steady.COLUMN}: {{column: amount, shift: 1.5}}\n")
    run = publish(night, NIGHT, "SELECT * REPLACE (amount * 2 AS amount) FROM rows")
    assert closed(run) == {}
    asked = [
        finding.where
        for finding in gate.verdict_on(run, "clean").findings
        if finding.subject == "amount" and finding.name == COLUMN
    ]
    assert asked == ["gates.clean.0"]


def test_days_of_another_meaning_say_nothing_of_the_column_that_means_something_else(night: Run) -> None:
    archive.keep(night)  # the file by which the three weeks were made
    path = night.settings.use_cases / f"{tiny.NAME}.yaml"
    path.write_text(tiny.YAML.replace("cleanse:\n", "cleanse:\n  fill: {amount: 0}\n"))
    run = Run.open(tiny.NAME, "scoring", NIGHT, night.settings)
    both = "SELECT * REPLACE (amount * 9 AS amount, 'chip' AS channel) FROM rows"
    assert "channel" in closed(publish(run, NIGHT, both))
    assert "amount" not in closed(publish(run, NIGHT, both))
    for n in range(1, 9):
        publish(run, NIGHT - n * DAY)
    assert "amount" in closed(publish(run, NIGHT, both)), "once there are enough days of its own meaning"


# --- a person's word


DOUBLED = "SELECT * REPLACE (amount * 2 AS amount) FROM rows"


def judged(run: Run) -> GateVerdict:
    """Judge, and leave the evidence as a gate does."""
    run = run.task()
    verdict = gate.verdict_on(run, "clean")
    run.store.write_file("gates/clean.json", verdict.evidence())
    return verdict


def accept(run: Run, reason: str = "prices are in cents now") -> str:
    return accepted.accept(run, "clean", reason, by="ada")


def test_a_word_on_repeated_rows_excuses_no_later_night(night: Run) -> None:
    run = publish(night, NIGHT, copy_of(NIGHT - DAY, NIGHT))
    judged(run)
    accept(run, "the source was late, and these rows come again")
    assert judged(run).passed
    assert set(closed(publish(night, NIGHT + DAY, copy_of(NIGHT - 5 * DAY, NIGHT + DAY)))) == {"table"}


def test_a_copy_with_one_nudged_column_closes_the_gate(night: Run) -> None:
    nudged = 'SELECT * REPLACE ("at" + INTERVAL 7 DAY AS "at", \'x\' || id AS id, amount + 0.01 AS amount)'
    finding = closed(publish(night, NIGHT, f"{nudged} FROM ({rows(NIGHT - 7 * DAY)})"))["table"]
    assert "with their time of day and" in finding.found


def test_what_was_accepted_is_open_and_says_who_said_so(night: Run) -> None:
    run = publish(night, NIGHT, DOUBLED)
    verdict = judged(run)
    with pytest.raises(
        GateClosed, match=r"python -m pipelines gates accept tiny scoring 2026-02-01 clean --reason"
    ):
        verdict.raise_if_closed("report")
    with pytest.raises(GateClosed) as unpublished:
        verdict.raise_if_closed("report", may_be_accepted=False)
    assert "gates accept" not in str(unpublished.value)
    assert accept(run).startswith(
        "tiny scoring 2026-02-01: clean is right, as ada says, in amount: prices are in cents now"
    )
    verdict = judged(run)
    assert verdict.passed
    assert "accepted by ada on " in verdict.summary()
    assert [finding.subject for finding in verdict.failed("warn")] == ["amount"]
    assert "accepted by ada on" in show.page(run, verdict)
    assert any("accepted by ada" in note["summary"] for note in run.store.notes())


def test_a_word_is_about_the_very_table_that_was_seen(night: Run) -> None:
    run = publish(night, NIGHT, DOUBLED)
    judged(run)
    accept(run)
    assert set(closed(publish(night, NIGHT, "SELECT * REPLACE (amount * 2.01 AS amount) FROM rows"))) == {
        "amount"
    }


def test_a_word_is_about_what_was_seen_to_fail(night: Run) -> None:
    run = publish(night, NIGHT, DOUBLED)
    judged(run)
    accept(run)
    said = json.loads(run.store.read_file("gates/clean.accepted.json"))
    assert list(said["findings"]) == [f"{COLUMN} amount"]
    assert said["digest"] == run.store.digest("clean")


def test_after_a_change_was_accepted_days_like_it_are_usual_and_days_like_before_are_not(night: Run) -> None:
    run = publish(night, NIGHT, DOUBLED)
    judged(run)
    accept(run)
    judged(run)
    for n in range(1, 12):
        following = publish(night, NIGHT + n * DAY, DOUBLED)
        assert judged(following).passed, n
    reverted = publish(night, NIGHT + 12 * DAY)
    assert set(closed(reverted)) == {"amount"}
    assert "changes were accepted on 2026-02-01" in closed(reverted)["amount"].why


def test_a_word_is_about_the_same_column_when_the_file_has_renamed_it(night: Run) -> None:
    run = publish(night, NIGHT, DOUBLED)
    judged(run)
    accept(run)
    judged(run)
    for n in range(1, 12):
        publish(night, NIGHT + n * DAY, DOUBLED)
    renamed_file(night)
    assert closed(publish(night, NIGHT + 12 * DAY, f"{RENAMED} ({DOUBLED})")) == {}
    assert set(closed(publish(night, NIGHT + 12 * DAY, f"{RENAMED} rows"))) == {"paid"}, (
        "as before the change"
    )


def test_only_comparisons_can_be_accepted_and_only_with_a_reason(night: Run) -> None:
    run = publish(night, NIGHT, "SELECT * REPLACE (if(id LIKE '%-1', NULL, amount * -2) AS amount) FROM rows")
    judged(run)
    with pytest.raises(BadInput, match="only what compares clean with earlier days can be accepted"):
        accept(run)
    with pytest.raises(BadInput, match="a word without a reason"):
        accept(run, "  ")
    good = publish(night, NIGHT)
    judged(good)
    with pytest.raises(BadInput, match="there is nothing to accept"):
        accept(good)
    publish(night, NIGHT, DOUBLED)
    good.store.write_file(
        "gates/clean.json",
        as_json(kept.seal({"gate": f"gate_clean of {good.store}", "digest": "of another", "findings": []})),
    )
    with pytest.raises(BadInput, match="has judged another clean than is published now"):
        accept(good)


@pytest.mark.parametrize("findings", [7, [1], [{}], None, [{"success": "no"}]])
def test_nothing_is_accepted_by_damaged_evidence(night: Run, findings: object) -> None:
    run = publish(night, NIGHT, DOUBLED)
    judged(run)
    said = kept.unseal(run.store.read_file("gates/clean.json"), "evidence", "")
    run.store.write_file("gates/clean.json", as_json(kept.seal(said | {"findings": findings})))
    with pytest.raises(
        TableCorrupt, match=r"gates/clean\.json is damaged: findings[\s\S]*way out: run gate_clean again"
    ):
        accept(run)


# --- what is kept, and shown


def test_no_personal_value_is_shown_or_kept_in_a_profile(night: Run) -> None:
    path = night.settings.use_cases / f"{tiny.NAME}.yaml"
    personal = tiny.YAML.replace("channel:  {type: string,", "channel:  {type: string, pii: true,").replace(
        "amount:   {type: number,", "amount:   {type: number, pii: true,"
    )
    path.write_text(personal)
    run = publish(
        Run.open(tiny.NAME, "scoring", NIGHT, night.settings),
        NIGHT,
        "SELECT * REPLACE ('chip' AS channel, 20::DOUBLE AS amount) FROM rows",
    )
    found = closed(run)
    told = json.dumps([finding.sentence() for finding in found.values()]) + json.dumps(
        [finding.kwargs for finding in found.values()]
    )
    # Customers lose what depended on them, and rows that say nothing but their customer repeat one another.
    assert set(found) == {"amount", "channel", "customer", "table"}
    assert "share of the 1. most frequent value" in told
    assert "its usual 50% quantile" in told
    assert "chip" not in told
    for day in (
        NIGHT,
        NIGHT - DAY,
    ):  # the earlier one's was made when these columns were not personal, and is made again
        store = run.store.at("scoring", day)
        kept = store.read_file(profile.file_name("clean")).decode()
        assert "chip" not in kept
        (of_day,) = json.loads(kept)["days"].values()
        assert set(of_day["numbers"]) == {"at#hour", "customer#length"}


def test_numbers_of_a_personal_column_are_measured_anew_as_they_were_measured_first(night: Run) -> None:
    path = night.settings.use_cases / f"{tiny.NAME}.yaml"
    path.write_text(tiny.YAML.replace("amount:   {type: number,", "amount:   {type: number, pii: true,"))
    one = publish(Run.open(tiny.NAME, "scoring", NIGHT, night.settings), NIGHT)
    first = profile.of(one.store, one.use_case, "clean")
    assert len(set(first.days[NIGHT].numbers["amount"].quantiles)) > 20
    assert profile.of(one.task().store, one.use_case, "clean") == first


def test_a_profile_is_the_same_bytes_each_time(night: Run) -> None:
    one = publish(night, NIGHT)
    first = profile.of(one.store, night.use_case, "clean").as_json()
    assert (
        measure(one.task().store.read("clean"), _shape(night))[0]
        == measure(one.task().store.read("clean"), _shape(night))[0]
    )
    assert profile.read(first, one.store.digest("clean")) == profile.of(
        one.task().store, night.use_case, "clean"
    )


def _shape(run: Run) -> Any:
    looked = shape(run.use_case, "clean")
    assert looked is not None
    return looked
