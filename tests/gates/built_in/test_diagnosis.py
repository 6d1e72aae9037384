"""A week's diagnosis acts on the first cause that holds, by an action that this cause admits; whatever else it
says closes the gate of the week.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cache

import pytest

from pipelines.core.config import Kind
from pipelines.gates import findings
from pipelines.gates.built_in import diagnosis
from pipelines.gates.findings import Finding
from pipelines.gates.gate import verdict_on
from pipelines.gates.measure import Answer, answers
from pipelines.gates.questions import Questions
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
from tests.helpers import tables, tiny
from tests.helpers.tables import replaced

OF = "kind = '{}' AND subject = '{}'"
SINCE = "TIMESTAMP '2026-01-26'"


def a_week(cause: str, action: str, *, trial: str = "", also: str = "") -> str:
    """SQL: a good table of a week of which a cause holds, and some cause behind it."""
    holds = f"subject = '{cause}' OR subject = '{also}'"
    told = (
        f"SELECT * REPLACE (if(kind = 'cause' AND ({holds}), true, if(subject = 'as before', false, holds))"
        f" AS holds, subject = '{cause}' OR kind = 'decision' AS chosen,"
        f" if(kind = 'cause' AND ({holds}), {SINCE}, NULL) AS since,"
        f" if(kind = 'decision', '{action}', subject) AS subject) FROM rows"
    )
    starts = action in ("train", "re-threshold and recalibrate")
    told = f"SELECT * REPLACE (if(kind = 'decision', {starts}, holds) AS holds) FROM ({told})"
    row = "'trial', 'aucpr', {}, false, NULL, 0.2, {}, 0.3, 0.01, 300, 'by so much'"
    tried = {"": "", "helps": row.format("true", "0.1"), "may help": row.format("false", "-0.1")}
    return told + (f" UNION ALL SELECT {tried[trial]}" if trial else "")


BROKEN = a_week("broken source", "quarantine", also="prior")
KEEPS = a_week("prior", "re-threshold and recalibrate", trial="helps")
WAITS = a_week("prior", "wait for labels", trial="may help")
GOOD = {
    "nothing has moved": "FROM rows",
    "a broken source": BROKEN,
    "another prior, and a training helps": KEEPS,
    "another prior, and none would surely help": WAITS,
    "another prior, and a person is asked": a_week("prior", "ask a person"),
    "as a year before": a_week("season", "nothing"),
    "labels that do not tell of a prior yet": replaced(holds=f"if({OF.format('cause', 'prior')}, NULL, holds)"),
}  # fmt: skip

# What the table was, what has happened to it, the damage, and what the gate must say.
DAMAGES: list[tuple[str, str, str, tuple[str, ...]]] = [
    ("FROM rows", "a column is missing", "SELECT * EXCLUDE (holds) FROM rows", ("missing: holds",)),
    (
        "FROM rows", "cells are empty, and a kind is none",
        replaced(kind="if(subject = 'season', NULL, if(subject = 'covariates', 'guess', kind))", subject="if(subject = 'prior', NULL, subject)",
            chosen="if(subject = 'concept', NULL, chosen)", evidence="NULL::VARCHAR"),
        ("kind: expect_column_values_to_not_be_null", "e.g. 'guess'", "missing: 'prior', 'season', 'covariates'", "subject: expect_column_values_to_not_be_null",
            "chosen: expect_column_values_to_not_be_null", "evidence: expect_column_values_to_not_be_null"),
    ),
    ("FROM rows", "a cause stands twice", "FROM rows UNION ALL FROM rows WHERE subject = 'season'", ("asks each possible cause, once",)),
    ("FROM rows", "nobody knows whether a cause holds", replaced(holds="NULL::BOOLEAN"), ("4 of 4", "no label is needed to know it")),
    ("FROM rows", "nothing is chosen", replaced(chosen="false"), ("acts on one cause", "the action that follows is the chosen one")),
    (WAITS, "all is chosen", replaced(chosen="true"), ("acts on one cause", "causes and actions are chosen", "e.g. 'as before', 'broken source'")),
    ("FROM rows", "a cause that does not hold is acted on", replaced(chosen="kind = 'decision' OR subject = 'season'"), ("the first cause that holds",)),
    (BROKEN, "a later cause is acted on", replaced(chosen="kind = 'decision' OR subject = 'prior'"), ("e.g. 'prior'; allowed: value_set 'broken source'",)),
    ("FROM rows", "a cause holds in a quiet week", replaced(holds="holds OR subject = 'season'", since="if(subject = 'season', TIMESTAMP '2026-02-02', since)"), ("a week is as before where nothing",)),
    (
        WAITS, "days are wrong, and it is as before besides",
        replaced(holds="holds OR subject = 'as before'", since="if(subject = 'as before', NULL, TIMESTAMP '2026-02-09')"),
        ("a week is as before where nothing", "has done so since some day", "the week ends on 2026-02-08", "only a cause that holds"),
    ),
    (WAITS, "an action has a first day", replaced(since="if(kind = 'decision', TIMESTAMP '2026-02-02', since)"), ("only a cause that holds",)),
    ("FROM rows", "features have moved, and no alarm says so", a_week("covariates", "wait for labels"), ("neither a feature, nor the score",)),
    ("FROM rows", "a concept has changed, and nothing is lost", a_week("concept", "wait for labels"), ("the concept has changed where performance is surely lost",)),
    ("FROM rows", "nothing is decided", "FROM rows WHERE kind <> 'decision'", ("one action follows",)),
    (WAITS, "two actions follow", "FROM rows UNION ALL SELECT * REPLACE ('ask a person' AS subject) FROM rows WHERE kind = 'decision'", ("one action follows",)),
    ("FROM rows", "an action that there is not", replaced(subject="if(kind = 'decision', 'pray', subject)"), ("what may follow from as before",)),
    (WAITS, "nothing follows from a cause", replaced(subject="if(kind = 'decision', 'nothing', subject)"), ("what may follow from prior",)),
    (BROKEN, "a broken source is learned", a_week("broken source", "train", trial="helps"), ("what may follow from broken source", "a trial is made of")),
    (KEEPS, "a model is searched for where a curve would do", a_week("prior", "train", trial="helps"), ("what may follow from prior",)),
    ("FROM rows", "nobody knows whether a training starts", replaced(holds="if(kind = 'decision', NULL, holds)"), ("holds: expect_column_values_to_not_be_null",)),
    ("FROM rows", "a training starts by nothing", replaced(holds="if(kind = 'decision', true, holds)"), ("and by nothing else",)),
    (KEEPS, "a training starts without a trial", "FROM rows WHERE kind <> 'trial'", ("where one trial helps",)),
    (WAITS, "a trial helps by too little, and no training starts", replaced(holds="holds OR kind = 'trial'"), ("where one trial helps", "a trial helps where its gain")),
    (WAITS, "a trial that surely helps does not help", replaced(low="if(kind = 'trial', 0.1, low)"), ("a trial helps where its gain",)),
    (KEEPS, "an interval is turned round, and a trial stands twice", "SELECT * REPLACE (if(kind = 'trial', 0.05, high) AS high) FROM rows UNION ALL FROM rows WHERE kind = 'trial'", ("has its lower end below", "a trial is made of prior, concept, covariates")),
]  # fmt: skip

Judged = Callable[..., list[Finding]]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """What is wrong with a week's diagnosis, after some damage; each is judged once."""
    place = tmp_path_factory.mktemp("diagnosed")
    (place / "tiny.yaml").write_text(tiny.YAML)
    settings = Settings(data=place / "data", use_cases=place, var=place, mlflow="", mirror=None)
    run = Run.open(tiny.NAME, "drift", tables.PARTITIONS["drift"], settings)

    @cache
    def judged(week: str, damage: str = "FROM rows", drift: str = "FROM rows") -> list[Finding]:
        stated = tuple(diagnosis.diagnosis(written(run, week, damage, drift)))
        asked = Questions(run.store.read("diagnosis"), stated)
        return [found for answer in answers(asked, run.store) if not (found := findings.of(answer)).success]

    return judged


def written(run: Run, week: str, damage: str = "FROM rows", drift: str = "FROM rows") -> Run:
    tables.write(run, "drift", drift)
    good = f"WITH rows AS ({tables.DIAGNOSIS}) {week}"
    run.store.write("diagnosis", run.store.connection.sql(f"WITH rows AS ({good}) {damage}"))
    return run


def told(found: list[Finding]) -> str:
    return "\n".join(finding.sentence() for finding in found)


@pytest.mark.parametrize("week", GOOD.values(), ids=GOOD)
def test_nothing_is_wrong_with_a_good_diagnosis(judged: Judged, week: str) -> None:
    assert told(judged(week)) == ""


@pytest.mark.parametrize(
    ("week", "damage", "sentences"), [(one, two, three) for one, _, two, three in DAMAGES], ids=[what for _, what, _, _ in DAMAGES]
)  # fmt: skip
def test_a_damaged_one_is_told(judged: Judged, week: str, damage: str, sentences: tuple[str, ...]) -> None:
    found = told(judged(week, damage))
    assert all(sentence in found for sentence in sentences), found


def test_every_expectation_is_broken_by_one_of_the_damages(week: Run, judged: Judged) -> None:
    asked = {
        identity(findings.of(Answer(each)))
        for good in (GOOD["nothing has moved"], BROKEN, KEEPS, WAITS)
        for each in diagnosis.diagnosis(written(week, good))
    }
    broken = {identity(finding) for good, _, damage, _ in DAMAGES for finding in judged(good, damage)}
    assert asked <= broken


def identity(finding: Finding) -> tuple[str, str, str]:
    """Without what depends on the week: the values that one admits."""
    return finding.name, finding.subject, finding.why


@pytest.fixture
def week(open_run: Callable[[Kind, date], Run]) -> Run:
    return open_run("drift", tables.PARTITIONS["drift"])


def test_it_closes_the_gate_of_the_week(week: Run) -> None:
    assert verdict_on(written(week, KEEPS), "drift").passed
    assert not verdict_on(written(week, KEEPS, "FROM rows WHERE kind <> 'trial'"), "drift").passed


ALARM = replaced(verdict="if(subject = 'channel', 'alarm', verdict)")
LOST = replaced(least_loss="if(kind = 'performance', 0.1, least_loss)")
NO_VALUE = replaced(value="if(kind = 'performance', NULL, value)", ought="false")


@pytest.mark.parametrize(
    ("drift", "good", "wrong", "sentence"),
    [
        (ALARM, a_week("covariates", "wait for labels"), "FROM rows", "a week is as before where nothing"),
        (LOST, a_week("concept", "wait for labels"), "FROM rows", "surely lost, nowhere else"),
        (
            NO_VALUE,
            replaced(holds="if(subject = 'concept', NULL, holds)"),
            "FROM rows",
            "without a performance nobody knows",
        ),
    ],
    ids=["an alarm", "performance is lost", "no performance"],
)
def test_what_the_report_says_of_the_week_and_its_diagnosis_agree(
    judged: Judged, drift: str, good: str, wrong: str, sentence: str
) -> None:
    assert told(judged(good, drift=drift)) == ""
    assert sentence in told(judged(wrong, drift=drift))


def test_no_training_starts_where_the_file_says_never(settings: Settings) -> None:
    never = "monitoring: {retrain: {when: never}}\n"
    (settings.use_cases / "tiny.yaml").write_text(tiny.YAML + never)
    run = Run.open(tiny.NAME, "drift", tables.PARTITIONS["drift"], settings)
    assert verdict_on(written(run, a_week("prior", "ask a person")), "drift").passed
    found = told(verdict_on(written(run, KEEPS), "drift").failed("stop"))
    assert "what may follow from prior while monitoring.retrain.when is never" in found


def test_a_week_without_a_diagnosis_is_not_let_through(week: Run) -> None:
    week.store.write("drift", week.store.connection.sql(tables.GOOD["drift"]))
    verdict = verdict_on(week, "drift")
    assert not verdict.passed
    assert "diagnosis" in (verdict.refusal or "")
