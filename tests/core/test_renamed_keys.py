"""Keys that were called otherwise: a sentence in a file of today, and read as they were meant in a kept one."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest
import yaml

from pipelines import runner
from pipelines.core import use_cases
from pipelines.core.config import UseCase
from pipelines.core.errors import BadUseCase
from pipelines.core.renamed_keys import RENAMED, as_now, sentence
from pipelines.core.use_cases import parse
from pipelines.registry import definitions
from pipelines.registry.history import History
from pipelines.run.clearance import is_cleared
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
from tests.helpers import tiny

NOW = (
    tiny.YAML.replace("slice_rows: 20", "slice_rows: 20, confidence_level: 0.9")
    + "limits: {shard_rows: 30}\n"
)
BEFORE = NOW.replace("confidence_level", "confidence").replace("shard_rows", "slice_rows")
PATH = Path("tiny.yaml")


def test_an_old_key_is_a_mistake_that_names_the_new_one() -> None:
    with pytest.raises(BadUseCase) as error:
        parse(PATH, (BEFORE + "replay: {rule: hash}\n").encode())
    told = str(error.value)
    assert "promotion.confidence: this key is called 'confidence_level' now; write that" in told
    assert "limits.slice_rows: this key is called 'shard_rows' now; write that" in told
    assert "replay: this key is called 'assign_days' now; write that" in told


def test_a_kept_file_says_under_its_old_keys_what_it_says_under_the_new_ones() -> None:
    kept = parse(PATH, BEFORE.encode(), kept=True)
    assert BEFORE != NOW
    assert kept.use_case == parse(PATH, NOW.encode()).use_case
    assert (kept.use_case.limits.shard_rows, kept.use_case.promotion.confidence_level) == (30, 0.9)
    assert kept.content == BEFORE.encode()


def test_a_key_that_there_is_no_more_is_a_mistake_with_a_way_out_and_nothing_in_a_kept_file() -> None:
    gone = NOW + "monitoring: {max_drifted_share: 0.3, min_performance: 0.2}\n"
    with pytest.raises(
        BadUseCase, match=r"monitoring\.max_drifted_share: there is no vote .* remove this key"
    ):
        parse(PATH, gone.encode())
    kept = parse(PATH, gone.encode(), kept=True).use_case.monitoring
    assert kept == parse(PATH, (NOW + "monitoring: {min_performance: 0.2}\n").encode()).use_case.monitoring


def test_a_kept_file_of_today_is_read_as_it_is() -> None:
    raw = yaml.safe_load(NOW)
    assert as_now(raw) == raw


def test_each_new_name_is_a_key_and_no_old_one_is() -> None:
    schema = UseCase.model_json_schema()
    for place, name in RENAMED.items():
        keys = schema["properties"]
        for above in place[:-1]:
            reference = keys[above].get("$ref") or keys[above]["allOf"][0]["$ref"]
            keys = schema["$defs"][reference.rpartition("/")[2]]["properties"]
        assert name in keys
        assert place[-1] not in keys
        assert sentence(place)


def test_both_names_at_once_are_a_mistake_in_any_file() -> None:
    both = BEFORE.replace("slice_rows: 30", "slice_rows: 30, shard_rows: 30").encode()
    with pytest.raises(BadUseCase, match=r"limits\.slice_rows: this key is called 'shard_rows' now"):
        parse(PATH, both, kept=True)


@pytest.mark.parametrize("raw", [{"limits": None}, {"limits": [1]}, {"promotion": "all"}, {}])
def test_what_is_no_mapping_is_left_as_it_is(raw: dict[str, object]) -> None:
    assert as_now(raw) == raw


def test_a_life_that_began_by_old_keys_goes_on_by_new_ones(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = settings.use_cases / "tiny.yaml"
    file.write_text(BEFORE)
    with monkeypatch.context() as then:  # as it was when these were the names
        then.setattr(use_cases, "parse", lambda path, content, *, kept=False: parse(path, content, kept=True))
        runner.run_all(Run.open("tiny", "training", date(2026, 1, 31), settings))
        night = Run.open("tiny", "scoring", date(2026, 2, 1), settings)
        runner.run_all(night)
        begun = Run.open("tiny", "scoring", date(2026, 2, 2), settings)
        runner.take(begun, "ingest")
    file.write_text(NOW)
    runner.gate(begun.resumed(), "raw")  # by the file that it has begun with
    assert begun.resumed().loaded.content == BEFORE.encode()
    runner.run_all(Run.open("tiny", "scoring", date(2026, 2, 3), settings))
    assert is_cleared(night.store, night.use_case, "predictions")
    champion = str(History.of(settings, "tiny").read()[-1].version)
    now = use_cases.load(settings.use_cases, "tiny").use_case
    assert list(definitions.differences(definitions.file_of(settings, "tiny", champion).use_case, now)) == []
    shutil.rmtree(settings.disk / "tiny" / "files")  # the registry has the file, too
    assert definitions.file_of(settings, "tiny", champion).content == BEFORE.encode()


def test_days_were_assigned_under_another_name() -> None:
    dealt = {"replay": {"rule": "hash", "start": "2026-01-01", "days": 60, "key": "id", "time": "at"}}
    assert as_now(dealt) == {"assign_days": dealt["replay"]}
