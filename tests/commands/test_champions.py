"""What a person asks and decides about champions, on two versions that were really trained."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest

from pipelines.__main__ import main
from pipelines.commands import champions, reigns
from pipelines.commands.reproduce import NotTheSame, reproduce
from pipelines.commands.selftest import graphs
from pipelines.composition import by_version
from pipelines.core.errors import BadInput, TableCorrupt
from pipelines.core.use_cases import parse
from pipelines.registry import holdout_overlap, registry, tracking
from pipelines.registry.history import History
from pipelines.registry.registry import Champion
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
from tests.helpers import tiny
from tests.helpers import two_champions as world

SOURCE = "{kind: file, path: payments.csv, format: {type: csv}}"


@pytest.fixture
def own(two_champions: Settings, tmp_path: Path) -> Settings:
    """Data and MLflow of one's own; the models' files are shared."""
    shutil.copytree(two_champions.disk, tmp_path / "data")
    shutil.copytree(two_champions.use_cases, tmp_path / "use_cases")
    shutil.copy(two_champions.var / "mlflow.db", tmp_path / "mlflow.db")
    mlflow = f"sqlite:///{tmp_path}/mlflow.db"
    return replace(two_champions, data=tmp_path / "data", use_cases=tmp_path / "use_cases", mlflow=mlflow)


def history(settings: Settings) -> History:
    return History.of(settings, "tiny")


def night(settings: Settings, day: date) -> Run:
    return world.way_of(settings, "scoring", day)


# --- who was it?


@pytest.mark.parametrize(
    ("moment", "version"),
    [("2026-01-31", "no champion"), ("2026-02-01", "version 1"), ("2026-02-03", "version 1"), ("2026-02-04", "version 2"),
     ("2026-02-03T23:59", "version 1"), ("2026-02-04T00:00", "version 2"), ("2027-01-01", "version 2")],
)  # fmt: skip
def test_the_champion_of_a_day_is_told(two_champions: Settings, moment: str, version: str) -> None:
    assert str(reigns.at(two_champions, "tiny", moment)).startswith(f"{moment}: {version}")


@pytest.mark.parametrize("moment", ["yesterday", "2026-13-01", ""])
def test_what_is_no_moment_is_told(two_champions: Settings, moment: str) -> None:
    with pytest.raises(BadInput, match="neither a day nor a moment"):
        reigns.at(two_champions, "tiny", moment)


# --- rollback


def test_a_rollback_takes_effect_at_the_next_scoring_and_changes_no_earlier_night(own: Settings) -> None:
    assert "version 1 is champion" in champions.rollback(own, "tiny", "1", "too many alarms")
    line = history(own).read()[-1]
    assert (line.decision, line.version, line.previous, line.reason) == (
        "rolled back",
        "1",
        "2",
        "too many alarms",
    )
    assert line.by
    assert registry.champion(night(own, line.since)).version == "1"
    assert registry.champion(night(own, date(2026, 2, 3))).version == "2"
    aliases = tracking.connect(own).get_registered_model("tiny").aliases
    assert str(aliases["champion"]) == "1"


def test_a_rollback_can_itself_be_rolled_back(own: Settings) -> None:
    for version in ("1", "2", "1"):
        champions.rollback(own, "tiny", version, "to and fro")
    assert [line.version for line in history(own).changes()][-3:] == ["1", "2", "1"]
    assert history(own).champion == "1"


@pytest.mark.parametrize(
    ("version", "told"),
    [
        ("2", "is champion already"),
        ("3", "never was champion"),
        ("1; DROP TABLE", "never was champion"),
        ("", "never"),
    ],
)
def test_only_a_former_champion_can_come_back(own: Settings, version: str, told: str) -> None:
    before = history(own).read()
    with pytest.raises(BadInput, match=told):
        champions.rollback(own, "tiny", version, "why not")
    assert history(own).read() == before


def test_a_rollback_needs_a_reason(own: Settings) -> None:
    with pytest.raises(BadInput, match="reason"):
        champions.rollback(own, "tiny", "1", "  ")
    assert history(own).champion == "2"


def test_a_version_whose_graph_scores_otherwise_than_it_was_judged_does_not_come_back(own: Settings) -> None:
    # Somebody has put another graph, with its checksum, in the version's place.
    client = tracking.connect(own)
    model = champions._version(own, "tiny", "1")
    other = replace(model, graph=graphs.with_one_number_moved(model.graph))
    with pytest.raises(BadInput, match=r"on its held-out rows: .* and when it was made"):
        champions.require_sound(other, own, "tiny")
    client.set_model_version_tag("tiny", "1", registry.GRAPH_TAG, "0" * 64)
    with pytest.raises(TableCorrupt, match="registered was 000000"):
        champions.rollback(own, "tiny", "1", "back")
    assert history(own).champion == "2"


def test_a_version_whose_features_the_file_has_no_more_comes_back_with_its_own_definitions(
    own: Settings,
) -> None:
    path = own.use_cases / "tiny.yaml"
    path.write_text(
        path.read_text()
        .replace("    log_amount: ln(1 + amount)\n", "")
        .replace("amount: amount\n", "amount: amount / 100\n")
    )
    said = champions.rollback(own, "tiny", "1", "back")
    assert said.endswith(
        "nights are made by its own definitions, and 2 features of the file wait for a training"
    )
    assert history(own).champion == "1"


def test_a_version_by_whose_definitions_no_night_can_be_made_does_not_come_back(
    own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    replayed = "assign_days: {rule: hash, start: 2026-01-01, days: 60, key: id, time: at}\n"
    text = (
        (own.use_cases / "tiny.yaml")
        .read_text()
        .replace('{kind: python, function: "tests.helpers.two_champions:payments"}', SOURCE)
    )
    learned = parse(Path("tiny.yaml"), (text + replayed).encode())
    monkeypatch.setattr(by_version, "file_of", lambda *_: learned)
    with pytest.raises(
        BadInput,
        match=(
            r"by its own definitions this night cannot be made[\s\S]*why not: .*this source has days of"
            r" its own"
        ),
    ):
        champions.rollback(own, "tiny", "1", "back")


def test_a_version_whose_rows_are_gone_does_not_come_back(own: Settings, lost: Callable[[], None]) -> None:
    lost()
    with pytest.raises(BadInput, match="neither in DVC's cache nor at its remote"):
        champions.rollback(own, "tiny", "1", "back")


@pytest.fixture
def lost(own: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Lose all versions of training data: they are in no cache, and the remote is an empty folder."""

    def lose() -> None:
        shutil.rmtree(own.disk / ".dvc" / "cache", ignore_errors=True)
        config = own.disk / ".dvc" / "config"
        config.write_text(
            config.read_text().replace(str(own.var / "dvc_remote"), str(own.disk / "empty_remote"))
        )

    return lose


# --- retire


def test_without_a_champion_scoring_stops_with_a_sentence_and_earlier_nights_keep_theirs(
    own: Settings,
) -> None:
    champions.retire(own, "tiny", "its features are gone")
    line = history(own).read()[-1]
    assert (line.decision, line.version, line.previous) == ("retired", None, "2")
    with pytest.raises(Exception, match=r"no champion: it was retired on .* \(its features are gone\)"):
        registry.champion(night(own, line.since))
    assert registry.champion(night(own, date(2026, 2, 3))).version == "2"
    assert "champion" not in tracking.connect(own).get_registered_model("tiny").aliases
    with pytest.raises(BadInput, match="none to retire"):
        champions.retire(own, "tiny", "again")


# --- unseen rows


def require(settings: Settings, training: date, champion: registry.Champion) -> None:
    run = world.way_of(settings, "training", training)
    holdout_overlap.require(run, run.store.read("features"), champion)


def test_the_champion_of_before_has_not_seen_the_held_out_rows_of_the_next_training(own: Settings) -> None:
    require(own, world.SECOND_TRAINING, champions._version(own, "tiny", "1"))


def test_a_champion_that_was_trained_on_held_out_rows_is_not_compared(own: Settings) -> None:
    # A training of an earlier day: the champion of later has trained on what it holds out.
    ahead = replace(champions._version(own, "tiny", "2"), partition=world.SECOND_TRAINING)
    with pytest.raises(
        BadInput, match=r"[\d,]+ of 200 held-out rows are rows that champion version 2 .* was trained on"
    ):
        require(own, world.FIRST_TRAINING, ahead)


def test_a_champion_whose_snapshot_is_gone_is_not_compared(own: Settings, lost: Callable[[], None]) -> None:
    lost()
    with pytest.raises(
        BadInput, match=r"it cannot be told on which rows it was trained: .* neither in DVC's cache"
    ) as told:
        require(own, world.SECOND_TRAINING, champions._version(own, "tiny", "1"))
    assert len(str(told.value).splitlines()) <= 10


def test_a_champion_whose_rows_had_another_key_is_not_compared() -> None:
    connection = duckdb.connect()
    features = connection.sql("SELECT * FROM (VALUES (1, 'test'), (2, 'test'), (3, 'train')) AS t(id, split)")
    known = connection.sql(
        "SELECT * FROM (VALUES ('1', 'train'), ('2', 'test'), ('3', 'train')) AS t(id, split)"
    )
    assert (
        holdout_overlap.count(features, known, "id") == 1
    )  # as texts; a row that it held out, too, it has not seen
    with pytest.raises(BadInput, match="no column 'id'"):
        holdout_overlap.count(features, known.project("id AS key, split"), "id")


def test_a_champion_whose_rows_another_column_named_is_not_compared_and_says_so() -> None:
    then = parse(Path("tiny.yaml"), tiny.YAML.encode()).use_case
    text = tiny.YAML.replace("string, role: key", "string").replace(
        "string, required: true", "string, role: key"
    )
    now = parse(Path("tiny.yaml"), text.encode()).use_case
    known = duckdb.connect().sql("SELECT * FROM (VALUES ('1', 'train'), ('2', 'test')) AS t(id, split)")
    with pytest.raises(
        holdout_overlap.OtherKey, match="named by the source's column 'id', and these are by 'customer'"
    ):
        holdout_overlap.renamed(known, then, now)


# --- compare


def test_two_versions_are_compared_on_rows_that_neither_was_trained_on(
    own: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = str(champions.compare(own, "tiny", "1", "2")).splitlines()
    assert "on 200 held-out rows of the training 2026-02-03" in lines[0]
    aucpr = next(line for line in lines if line.startswith("aucpr"))
    assert " to " in aucpr
    assert any(line.startswith("use_case_sha256") for line in lines)
    back = str(champions.compare(own, "tiny", "2", "1")).splitlines()
    turned = next(line for line in back if line.startswith("aucpr"))
    assert aucpr.split()[1:3] == turned.split()[1:3][::-1]
    assert float(aucpr.split()[3]) == -float(turned.split()[3])


def test_why_a_metric_of_decisions_cannot_be_told_of_a_version_is_said(
    own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = champions._judged

    def one_undecided(settings: Settings, use_case: str, version: str) -> Champion:
        model = judged(settings, use_case, version)
        return replace(model, threshold=None) if version == "1" else model

    monkeypatch.setattr(champions, "_judged", one_undecided)
    *_, last = str(champions.compare(own, "tiny", "1", "2")).splitlines()
    assert last.startswith("no f1, precision, recall can be told of version 1: ")


def test_metrics_stand_below_one_another_whatever_their_names() -> None:
    told = [str(champions.Measured(name, 0.5, 0.5, 0.0, 0.0, 0.0)) for name in ("r2", "precision_at_k")]
    assert len({line.index("0.5") for line in told}) == 1


def test_an_unknown_version_cannot_be_compared(own: Settings) -> None:
    with pytest.raises(BadInput, match="no model version '9'"):
        champions.compare(own, "tiny", "1", "9")


# --- reproduce


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_version_is_trained_again_and_is_the_same(own: Settings, version: str) -> None:
    *told, last = reproduce(own, "tiny", version)
    assert last.startswith("same: the scores of 200 held-out rows")
    another = version == "2"  # the file has changed since
    assert any("another one than now" in line for line in told) == another


def test_a_version_that_comes_out_otherwise_is_told_with_the_difference(
    own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its data are another version's: what a tampered lineage looks like.
    model = champions._version(own, "tiny", "1")
    other = champions._version(own, "tiny", "2").metadata["data_version"]
    tampered = replace(model, metadata={**model.metadata, "data_version": other})
    monkeypatch.setattr(registry, "champion", lambda _: tampered)
    with pytest.raises(
        NotTheSame, match="of the raw rows come other features than the version was trained on"
    ):
        list(reproduce(own, "tiny", "1"))


def test_a_version_whose_rows_are_gone_cannot_be_made_again(own: Settings, lost: Callable[[], None]) -> None:
    lost()
    with pytest.raises(BadInput, match="neither in DVC's cache nor at its remote"):
        list(reproduce(own, "tiny", "1"))


# --- the command line


def test_the_command_line_tells_and_decides(
    own: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pipelines.storage.settings.Settings.from_env", lambda: own)
    assert main(["models", "history", "tiny"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert main(["models", "compare", "tiny", "1", "2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["one"], told["other"], told["rows"]) == ("1", "2", 200)
    (aucpr,) = [one for one in told["metrics"] if one["metric"] == "aucpr"]
    assert aucpr["low"] <= aucpr["better_by"] <= aucpr["high"]
    assert aucpr["better_by"] == pytest.approx(aucpr["other"] - aucpr["one"])
    assert len(told["lineage"]["use_case_sha256"]) == 2
    assert main(["models", "rollback", "tiny", "1", "--reason", "drift"]) == 0
    assert main(["models", "at", "tiny", "2030-01-01"]) == 0
    assert "version 1" in capsys.readouterr().out
    assert main(["models", "rollback", "tiny", "1", "--reason", "drift"]) == 1
    assert main(["models", "history", "tinny"]) == 1
    assert "did you mean 'tiny'" in capsys.readouterr().err


def test_who_asks_nobody_cannot_be_approved(own: Settings) -> None:
    with pytest.raises(BadInput, match="asks nobody for approval"):
        champions.answer(own, "tiny", world.SECOND_TRAINING, "approved", "fine")
