"""Which file a run goes by: one from its first task to its last, and for a night the definitions that its
champion has learned.
"""

from __future__ import annotations

import random
import shutil
import threading
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import cast

import pyarrow.csv as pacsv
import pytest
import yaml

from pipelines import flow, runner
from pipelines.commands import champions, replay
from pipelines.commands.backfill import backfill
from pipelines.composition import by_version
from pipelines.core.config import Kind, Step, UseCase
from pipelines.core.dates import Days
from pipelines.core.errors import BadInput, BadUseCase, GateClosed, SluiceError, TableCorrupt
from pipelines.core.rendered import MAX_LINES
from pipelines.core.use_cases import load, parse
from pipelines.model.graph import Graph
from pipelines.registry import definitions, registry
from pipelines.registry.history import History
from pipelines.run import archive, plan
from pipelines.run.run import Run
from pipelines.steps import as_learned
from pipelines.storage.settings import Settings
from tests.helpers import tiny
from tests.helpers import two_champions as world
from tests.helpers.ways import WAYS

NIGHT = date(2026, 2, 5)
TABLES = ("raw", "past_raw", "clean", "past", "quarantine", "features", "predictions")

# Each gives a feature another meaning. Without more, all scores of the next night would be wrong behind open
# gates.
EDITS = {
    "a feature's SQL": ("amount: amount\n", "amount: amount / 100\n"),
    "a window's aggregate": ("avg(amount) over week", "max(amount) over week"),
    "a window": ("week: {by: [customer], since: 7d}", "week: {by: [customer], since: 2d}"),
    "a fill": ("cleanse:\n", "cleanse:\n  fill: {amount: 7}\n"),
    "a spelling": ("{online: [web]}", "{chip: [web]}"),
    "a code for missing": ("cleanse:\n", "cleanse:\n  missing: {amount: [16.48]}\n"),
    "a rule": ("cleanse:\n", 'cleanse:\n  rules: {small: "amount < 50"}\n  max_quarantined: 0.99\n'),
    "the label's delay": ("delay_days: 2", "delay_days: 1"),
    "a derived column": ('payments"}', 'payments", derive: {amount2: "amount * 2"}}'),
}


@pytest.fixture(scope="module")
def lived(two_champions: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Two champions, and a night that the second one has scored."""
    settings = copied(two_champions, tmp_path_factory.mktemp("lived"))
    night(settings)
    return settings


@pytest.fixture
def own(lived: Settings, tmp_path: Path) -> Settings:
    """Data, file and MLflow of one's own; the models' files are shared."""
    return copied(lived, tmp_path / "own")


def copied(settings: Settings, place: Path) -> Settings:
    shutil.copytree(settings.disk, place / "data")
    shutil.copytree(settings.use_cases, place / "use_cases")
    shutil.copy(Path(settings.mlflow.removeprefix("sqlite:///")), place / "mlflow.db")
    return replace(
        settings, data=place / "data", use_cases=place / "use_cases", mlflow=f"sqlite:///{place}/mlflow.db"
    )


def edit(settings: Settings, there: str, instead: str) -> None:
    path = settings.use_cases / "tiny.yaml"
    text = path.read_text()
    assert there in text
    path.write_text(text.replace(there, instead))


def derived_twice(settings: Settings) -> None:
    """A column that is derived in the source, and read by a feature of the file as it is edited."""
    edit(settings, "  channel:  {type: string", "  amount2:  {type: number}\n  channel:  {type: string")
    edit(settings, "    amount: amount\n", "    amount: amount2\n")


def night(settings: Settings, day: date = NIGHT, kind: Kind = "scoring") -> Run:
    run = world.way_of(settings, kind, day)
    runner.run_all(run)
    return run.task()


def files(run: Run) -> set[str]:
    """The files that the partition's tables cite."""
    return {run.store.manifest(table).use_case for table in TABLES if run.store.has(table)}


# --- a champion's night is made by the champion's own definitions


@pytest.mark.parametrize("what", EDITS)
def test_an_edit_that_waits_for_its_training_changes_no_score(own: Settings, what: str) -> None:
    before = world.way_of(own, "scoring", NIGHT).store.manifest("features")
    features = before.digest
    edit(own, *EDITS[what])
    if what == "a derived column":
        derived_twice(own)
    after = night(own)
    scored = [
        after.store.read("predictions", revision=n).order("id").project("* EXCLUDE (run)").fetchall()
        for n in (1, 2)
    ]
    assert scored[0] == scored[1]
    assert after.store.digest("features") == features
    (by,) = files(after)
    assert by not in (before.use_case, load(own.use_cases, "tiny").sha256)
    loaded = archive.kept_file(own, "tiny", by)
    assert archive.made_by(loaded) == "2"
    assert (
        list(definitions.differences(loaded.use_case, definitions.file_of(own, "tiny", "2").use_case)) == []
    )


@pytest.mark.parametrize("what", ["a comment", "the schedule", "a limit of memory", "a gate"])
def test_an_edit_that_changes_no_meaning_is_taken_at_once_and_whole(own: Settings, what: str) -> None:
    path = own.use_cases / "tiny.yaml"
    more = {
        "a comment": "# a comment\n",
        "the schedule": 'schedule: {scoring: "0 2 * * *"}\n',
        "a limit of memory": "limits: {memory: 1GB}\n",
    }
    path.write_text(
        path.read_text()
        + more.get(
            what, "gates: {raw: [{expect_column_mean_to_be_between: {column: amount, min_value: 1}}]}\n"
        )
    )
    assert files(night(own)) == {load(own.use_cases, "tiny").sha256}


def test_what_is_no_definition_comes_from_the_present_file(
    own: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    edit(own, "amount: amount\n", "amount: amount / 100\n")
    edit(own, "customer: {type: string,", "customer: {type: string, pii: true,")
    path = own.use_cases / "tiny.yaml"
    path.write_text(
        path.read_text()
        + "limits: {memory: 1GB}\nalerts: {mail: [a@example.com]}\nmonitoring: {min_performance: 0.3}\n"
    )
    (by,) = files(night(own))
    found, now = archive.kept_file(own, "tiny", by).use_case, load(own.use_cases, "tiny").use_case
    assert (found.limits, found.alerts, found.monitoring, found.source) == (
        now.limits,
        now.alerts,
        now.monitoring,
        now.source,
    )
    assert found.columns["customer"].pii
    assert found.features.numbers["amount"] == "amount"
    assert (
        "made by the definitions of version 2 with all else of tiny.yaml: 1 feature waits for a training"
        " (amount)" in caplog.text
    )


@pytest.mark.parametrize("waiting", [False, True])
def test_the_way_out_of_a_closed_gate_says_that_an_edit_of_definitions_would_have_to_wait(
    own: Settings, waiting: bool
) -> None:
    if waiting:
        edit(own, "amount: amount\n", "amount: amount / 100\n")
    path = own.use_cases / "tiny.yaml"
    path.write_text(
        path.read_text()
        + "gates: {clean: [{expect_column_max_to_be_between: {column: amount, max_value: 0.001}}]}\n"
    )
    with pytest.raises(GateClosed, match="way out") as error:
        night(own)
    told = "columns, cleanse and features wait for a training: this run goes by those of version 2;"
    assert (told in str(error.value)) == waiting


# --- how the source lays its columns out is told by the present file


def laid_out(settings: Settings, columns: str, **format_: object) -> None:
    """The same source as CSV files, which have these columns in this order, and a file that says so."""
    names, place = columns.split(), settings.disk.parent / "csv"
    place.mkdir()
    for n in range(9):
        day = NIGHT - timedelta(days=n)
        rows = tiny.payments(day)
        rows = rows.append_column("tip", rows["amount"])
        written = pacsv.WriteOptions(include_header=bool(format_.get("header", True)))
        pacsv.write_csv(rows.select(names), place / f"{day}.csv", written)
    path = settings.use_cases / "tiny.yaml"
    said = yaml.safe_load(path.read_text())
    said["source"] = {
        "kind": "file",
        "path": f"{place}/{{partition}}.csv",
        "format": {"type": "csv", **format_},
    }
    said["columns"] = {name: said["columns"].get(name, {"type": "number"}) for name in names}
    path.write_text(yaml.safe_dump(said, sort_keys=False))


@pytest.mark.parametrize(
    "columns",
    [
        "id at customer amount channel bad",
        "bad channel id customer at amount",
        "id tip at customer amount channel bad",
    ],
)
@pytest.mark.parametrize("waiting", [False, True])
def test_a_source_without_names_is_read_as_the_file_lists_it_now(
    own: Settings, columns: str, waiting: bool
) -> None:
    before = (
        world.way_of(own, "scoring", NIGHT)
        .store.read("predictions")
        .project("id, score")
        .order("id")
        .fetchall()
    )
    laid_out(own, columns, header=False)
    if waiting:
        edit(own, "amount: amount\n", "amount: amount / 100\n")
    after = night(own)
    assert after.store.read("predictions").project("id, score").order("id").fetchall() == before
    assert archive.made_by(after.resumed().loaded) == ("2" if waiting else None)


def test_what_cannot_be_made_to_mean_what_was_learned_is_refused_before_the_night_begins(
    own: Settings,
) -> None:
    laid_out(own, "id at customer amount channel bad", header=False)
    edit(own, "  amount:\n    type: number", "  betrag:\n    type: number")
    edit(own, "amount: amount\n", "amount: betrag\n")
    edit(own, "ln(1 + amount)", "ln(1 + betrag)")
    edit(own, "avg(amount)", "avg(betrag)")
    with pytest.raises(
        BadInput,
        match=(
            r"by its own definitions this night cannot be made[\s\S]*which of its columns is"
            r" amount[\s\S]*train by the file"
        ),
    ):
        night(own)


def test_a_night_that_is_scored_by_an_older_version_is_made_by_that_ones_definitions(own: Settings) -> None:
    edit(own, "amount: amount\n", "amount: amount / 100\n")
    run = replace(world.way_of(own, "scoring", NIGHT), model_version="1")
    runner.run_all(run)
    (by,) = files(run.task())
    assert archive.made_by(archive.kept_file(own, "tiny", by)) == "1"


def test_a_rollback_brings_the_definitions_back_with_the_version(own: Settings) -> None:
    before = (
        night(own, NIGHT + timedelta(days=400))
        .store.read("predictions")
        .project("id, score")
        .order("id")
        .fetchall()
    )
    champions.rollback(own, "tiny", "1", "too many alarms")
    by_one = (
        night(own, NIGHT + timedelta(days=400))
        .store.read("predictions")
        .project("id, score")
        .order("id")
        .fetchall()
    )
    edit(own, *EDITS["a feature's SQL"])
    again = (
        night(own, NIGHT + timedelta(days=400))
        .store.read("predictions")
        .project("id, score")
        .order("id")
        .fetchall()
    )
    assert again == by_one != before


def test_a_backfill_and_a_what_if_are_made_by_the_definitions_of_their_champion(own: Settings) -> None:
    edit(own, *EDITS["a feature's SQL"])
    (then,) = backfill("tiny", Days(NIGHT, NIGHT), "then", own)
    assert "scored for the first time" not in then
    now, *_ = backfill("tiny", Days(NIGHT, NIGHT), "now", own)
    assert "0 of 40 decisions differ, scores differ by 0 on average" in now


def test_a_night_that_cannot_be_made_by_its_champions_definitions_is_refused_with_both_meanings(
    own: Settings,
) -> None:
    edit(own, "tests.helpers.two_champions:payments", "tests.registry.test_definitions:without_channel")
    edit(own, "  channel:  {type: string, allowed: [chip, online]}\n", "")
    for there in (
        "cleanse:\n  lower: [channel]\n",
        "  merge: {channel: {online: [web]}}\n",
        "  categories: {channel: channel}\n",
        "slices: [channel]\n",
    ):
        edit(own, there, "")
    with pytest.raises(BadInput) as error:
        night(own)
    assert (
        "asked for by the definitions of version 2, which has learned other things than tiny.yaml has now"
        in str(error.value)
    )
    assert "channel: learned as `channel`, a category, now no such feature" in str(error.value)
    assert len(str(error.value).splitlines()) <= MAX_LINES


def test_values_that_no_file_takes_are_told_whole_though_features_wait_for_a_training(own: Settings) -> None:
    edit(own, *EDITS["a feature's SQL"])
    edit(own, "tests.helpers.two_champions:payments", "tests.registry.test_definitions:with_bad_amounts")
    with pytest.raises(BadInput) as error:
        night(own)
    assert "asked for by the definitions" not in str(error.value)
    assert "way out: correct the source" in str(error.value)


def with_bad_amounts(day: date) -> object:
    """The source, with amounts that are no numbers."""
    rows = tiny.payments(day)
    return rows.set_column(rows.schema.get_field_index("amount"), "amount", [["a lot"] * rows.num_rows])


def without_channel(day: date) -> object:
    """The source without a column that the champion has learned."""
    return tiny.payments(day).drop_columns(["channel"])


def test_a_score_is_given_only_to_features_that_mean_what_was_learned(own: Settings) -> None:
    run = world.way_of(own, "scoring", NIGHT)
    features = run.store.read("features").to_arrow_table()
    meaning = {**run.store.manifest("features").meaning, "amount": "0" * 16}
    other = run.task()
    other.store.write("features", features, meaning=meaning)
    runner.gate(other, "features")
    with pytest.raises(
        BadInput, match=r"version 2 has learned other features than these: no score is given\n  - amount: "
    ):
        runner.take(run, "score", "0001-of-0001")


def test_a_model_that_does_not_say_what_it_has_learned_scores_nothing(own: Settings) -> None:
    run = world.way_of(own, "scoring", NIGHT)
    silent = replace(registry.champion(run), metadata={})
    with pytest.raises(BadInput, match="does not say what its features mean"):
        definitions.require_learned(run, run.store.manifest("features"), silent)


def test_check_tells_what_waits_for_a_training(own: Settings) -> None:
    assert definitions.waiting(load(own.use_cases, "tiny"), own) == []
    edit(own, *EDITS["a feature's SQL"])
    assert definitions.waiting(load(own.use_cases, "tiny"), own) == [
        "amount: learned as `amount`, a number, now `amount / 100`, a number"
    ]


def test_a_meaning_that_only_what_is_read_has_changed_is_told_by_that(own: Settings) -> None:
    edit(own, "cleanse:\n", "cleanse:\n  fill: {amount: 7}\n")
    told = definitions.waiting(load(own.use_cases, "tiny"), own)
    assert (
        "amount: learned as `amount`, a number, where amount is not filled, now `amount`, a number, where"
        " amount is filled with 7" in told
    )


def test_replay_takes_a_mended_rule_but_no_other_meaning(own: Settings) -> None:
    edit(own, "cleanse:\n", 'cleanse:\n  rules: {small: "amount < 90"}\n  max_quarantined: 0.99\n')
    History.of(own, "tiny")  # the champion has learned without the rule, so its nights have no quarantine
    run = night(own)
    assert run.store.manifest("quarantine").rows == 0
    edit(own, "amount: amount\n", "amount: amount / 100\n")
    assert "nothing to replay" in replay.replay(world.way_of(own, "scoring", NIGHT))


# --- a champion beside its challenger


def evaluated(settings: Settings) -> list[tuple[object, ...]]:
    """What a training's scores say of the champion."""
    for step in ("ingest", "cleanse", "past", "features", "snapshot", "tune", "evaluate"):
        run = world.way_of(settings, "training", NIGHT)
        flow.STEPS[step](run.task(), "linear") if step == "tune" else flow.STEPS[step](run.task())
    scores = world.way_of(settings, "training", NIGHT).store.read("scores").filter("metric = 'aucpr'")
    return scores.project("slice, champion, n").order("slice").fetchall()


@pytest.fixture(scope="module")
def compared(lived: Settings, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[object, ...]]:
    """The same, while nobody has edited the file."""
    return evaluated(copied(lived, tmp_path_factory.mktemp("compared") / "own"))


def test_a_champion_is_compared_on_features_as_it_has_learned_them(
    own: Settings, compared: list[tuple[object, ...]]
) -> None:
    edit(own, "amount: amount\n", "amount: -amount\n")
    edit(own, "avg(amount) over week", "min(amount) over week")
    assert evaluated(own) == compared


def test_a_champion_is_compared_by_the_fit_that_has_not_learned_rows_that_judge(own: Settings) -> None:
    run = world.way_of(own, "training", NIGHT).task()
    for step in ("ingest", "cleanse", "past", "features"):
        flow.STEPS[step](run)
    serving = registry.champion(run)
    compared = as_learned.rivals(run, run.store.read("features")).champion
    assert compared is not None
    assert sha256(compared.graph).hexdigest() == serving.metadata["judged_graph_sha256"]
    assert compared.graph != serving.graph


def test_a_training_is_exported_by_the_rows_on_which_it_was_judged_though_its_champions_rules_put_others_aside(
    own: Settings,
) -> None:
    for day in (date(2026, 2, 1), date(2026, 2, 2)):  # held out
        rows = tiny.payments(day)
        channels = [
            "phone" if n % 9 == 0 else channel for n, channel in enumerate(rows["channel"].to_pylist())
        ]
        world.delivered[day] = rows.set_column(rows.schema.get_field_index("channel"), "channel", [channels])
    edit(own, "allowed: [chip, online]", "allowed: [chip, online, phone]")
    try:
        evaluated(own)
        run = world.way_of(own, "training", NIGHT)
        flow.STEPS["export"](run.task())
    finally:
        world.delivered.clear()
    assert run.task().store.read("left_out").count("*").fetchall() == [(10,)]
    differences = run.task().store.read("parity").filter("kind = 'metric'").project("difference").fetchall()
    assert all(difference < 1e-6 for (difference,) in differences), differences
    graph = Graph(run.store.read_file("models/linear.onnx")).metadata
    assert graph["on_all_held_out_aucpr"] != graph["held_out_aucpr"]
    champions.require_sound(registry.champion(replace(run.task(), model_version="3")), own, "tiny")


@pytest.mark.parametrize(("name", "feature"), [("id", "amount"), ("at", "-amount")])
def test_a_champion_is_compared_on_the_same_rows_whatever_the_file_calls_their_key_and_time(
    own: Settings, compared: list[tuple[object, ...]], name: str, feature: str
) -> None:
    edit(own, f"  {name}:  ", f"  row_{name}:  ")
    edit(own, "  lower: [channel]", f"  rename: {{{name}: row_{name}}}\n  lower: [channel]")
    edit(own, "amount: amount\n", f"amount: {feature}\n")
    assert evaluated(own) == compared


def test_a_champion_that_cannot_be_compared_by_its_own_definitions_is_not_dethroned(own: Settings) -> None:
    edit(own, "tests.helpers.two_champions:payments", "tests.registry.test_definitions:without_channel")
    edit(own, "  channel:  {type: string, allowed: [chip, online]}\n", "")
    unwanted = (
        "cleanse:\n  lower: [channel]\n",
        "  merge: {channel: {online: [web]}}\n",
        "  categories: {channel: channel}\n",
    )
    for there in (*unwanted, "slices: [channel]\n"):
        edit(own, there, "")
    with pytest.raises(
        BadInput,
        match=(
            r"has learned other features, and cannot be compared by its own definitions[\s\S]*models retire"
            r" tiny"
        ),
    ):
        evaluated(own)


# --- one run, one file


def test_a_run_goes_on_by_the_file_that_it_began_with(own: Settings) -> None:
    began = load(own.use_cases, "tiny").sha256
    runner.take(world.way_of(own, "training", NIGHT), "ingest")
    edit(own, *EDITS["a feature's SQL"])
    for step, table in WAYS["training"]:
        run = Run.open("tiny", "training", NIGHT, own, resume=True)
        if step != "ingest":
            for share in plan.shares(run, step) or (None,):
                runner.take(run, step, share)
        if table:
            runner.gate(run, table)
    version = registry.version_of(own, "tiny", run.store.read_file("models/linear.onnx"))
    assert registry.champion(replace(run, model_version=version)).metadata["use_case_sha256"] == began
    assert definitions.file_of(own, "tiny", str(version)).sha256 == began


def test_a_file_that_breaks_in_the_middle_of_a_run_stops_only_what_begins(own: Settings) -> None:
    runner.take(world.way_of(own, "scoring", NIGHT), "ingest")
    (own.use_cases / "tiny.yaml").write_text("name: {{ ds }}\n")
    runner.gate(Run.open("tiny", "scoring", NIGHT, own, resume=True), "raw")
    runner.take(Run.open("tiny", "scoring", NIGHT, own, resume=True), "cleanse")
    with pytest.raises(BadUseCase):
        world.way_of(own, "scoring", NIGHT)


def test_a_file_that_is_gone_or_changed_is_told(own: Settings) -> None:
    runner.take(world.way_of(own, "scoring", NIGHT), "ingest")
    edit(own, "title: ", "title: More. ")
    (path,) = [
        path
        for path in (own.disk / "tiny" / "files").iterdir()
        if path.stem == world.way_of(own, "scoring", NIGHT).resumed().loaded.sha256
    ]
    path.write_text("name: tiny\n")
    with pytest.raises(TableCorrupt, match="is not that file any more"):
        Run.open("tiny", "scoring", NIGHT, own, resume=True)
    path.unlink()
    with pytest.raises(TableCorrupt, match="is gone from"):
        Run.open("tiny", "scoring", NIGHT, own, resume=True)


def test_every_table_of_a_run_cites_one_file_though_the_file_is_edited_a_thousand_times(
    own: Settings,
) -> None:
    path, original, over = (
        own.use_cases / "tiny.yaml",
        (own.use_cases / "tiny.yaml").read_text(),
        threading.Event(),
    )
    chance, edits = random.Random(7), [0]
    variants = [
        original.replace(*EDITS[what]) for what in ("a feature's SQL", "a window", "a fill", "a rule")
    ]
    variants += [
        original,
        original + "# a comment\n",
        "broken: [",
        original.replace("title: ", "title: Other. "),
    ]

    def keep_editing() -> None:
        while not over.wait(chance.uniform(0, 0.02)):
            draft = path.with_suffix(".draft")
            draft.write_text(chance.choice(variants))
            draft.rename(path)
            edits[0] += 1

    editor = threading.Thread(target=keep_editing)
    editor.start()
    ended = 0
    try:
        for n in range(10_000):
            if edits[0] >= 1000 and ended >= 5:
                break
            day = NIGHT + timedelta(days=n % 20)
            try:
                run = world.way_of(own, "scoring", day)
            except BadUseCase:
                continue
            runner.take(run, "ingest")
            for step, table in WAYS["scoring"]:
                for share in (plan.shares(opened(own, day), step) or (None,)) if step != "ingest" else ():
                    runner.take(opened(own, day), step, share)
                if table:
                    runner.gate(opened(own, day), table)
            assert len(files(opened(own, day))) == 1
            ended += 1
    finally:
        over.set()
        editor.join()
    assert edits[0] >= 1000


@pytest.mark.parametrize("seed", range(4))
def test_a_night_is_of_one_file_and_one_champion_whatever_is_edited_and_promoted_between_its_tasks(
    own: Settings, seed: int
) -> None:
    day, chance, path = NIGHT + timedelta(days=400), random.Random(seed), own.use_cases / "tiny.yaml"
    original = path.read_text()

    def meanwhile() -> None:
        what = chance.choice(["nothing", "edit", "promotion"])
        if what == "edit":
            path.write_text(
                chance.choice(
                    [
                        original,
                        *(original.replace(*EDITS[one]) for one in ("a feature's SQL", "a fill", "a rule")),
                    ]
                )
            )
        elif what == "promotion":
            history = History.of(own, "tiny")
            next_ = chance.choice(["1", "2"])
            then, *_ = [line for line in history.read() if line.version == next_]
            history.append(replace(then, decision="rolled back", previous=history.champion))

    def taken(step: str, share: str | None) -> None:
        meanwhile()
        run = world.way_of(own, "scoring", day) if step == "ingest" else opened(own, day)
        runner.take(run, cast("Step", step), share)

    refused = None
    try:
        for step, table in WAYS["scoring"]:
            for share in (plan.shares(opened(own, day), step) or (None,)) if step != "ingest" else (None,):
                taken(step, share)
            meanwhile()
            if table:
                runner.gate(opened(own, day), table)
    except SluiceError as error:
        refused = str(error)
    run = opened(own, day)
    assert len(files(run)) == 1
    if not run.store.has("predictions"):
        assert refused
        assert "way out" in refused
        return
    ((version,),) = run.store.read("predictions").project("model_version").distinct().fetchall()
    learned = definitions.file_of(own, "tiny", str(version)).use_case
    assert list(definitions.differences(learned, run.use_case)) == []


def opened(settings: Settings, day: date) -> Run:
    """As a task of Airflow opens it."""
    return Run.open("tiny", "scoring", day, settings, resume=True)


def test_a_file_that_was_put_together_says_what_it_should(own: Settings) -> None:
    use_case: UseCase = load(own.use_cases, "tiny").use_case
    loaded = by_version.as_file(use_case, own.use_cases / "tiny.yaml", "# a heading\n")
    assert parse(loaded.path, loaded.content).use_case == use_case
    with pytest.raises((SluiceError, ValueError)):
        by_version.as_file(use_case.model_copy(update={"task": "ranking"}), own.use_cases / "tiny.yaml")


def test_files_that_differ_in_a_comment_mean_the_same_and_files_of_other_features_do_not(
    own: Settings,
) -> None:
    path, meant = own.use_cases / "tiny.yaml", {}
    original = path.read_text()
    for what, text in {
        "as it is": original,
        "a comment": f"# why\n{original}",
        "SQL": original.replace(*EDITS["a feature's SQL"]),
    }.items():
        path.write_text(text)
        run = world.way_of(own, "training", NIGHT)
        archive.keep(run)
        meant[what] = definitions.meant_by(own, "tiny", run.loaded.sha256)
    assert meant["as it is"] == meant["a comment"] != meant["SQL"]
    assert definitions.meant_by(own, "tiny", "0" * 64) == "0" * 64


def test_a_week_compares_the_nights_of_one_meaning_and_says_how_many_it_leaves_out(own: Settings) -> None:
    champion = registry.champion(replace(world.way_of(own, "scoring", NIGHT), model_version="2"))
    run = world.way_of(own, "drift", NIGHT)
    nights = [run.store.at("scoring", NIGHT + timedelta(days=n)) for n in range(3)]
    meanings = [champion.meanings, {**champion.meanings, "amount": "0" * 16}, champion.meanings]
    for store, means in zip(nights, meanings, strict=True):
        store.write("features", nights[0].read("features").to_arrow_table(), meaning=means)
    training = run.store.at("training", world.SECOND_TRAINING)
    assert definitions.of_one_meaning(run, champion, training, nights) == [nights[0], nights[2]]
    with pytest.raises(
        BadInput, match=r"in no night of this week do the features mean what version 2 has learned"
    ):
        definitions.of_one_meaning(run, champion, training, nights[1:2])
