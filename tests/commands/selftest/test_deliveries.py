from __future__ import annotations

import pytest

from pipelines.commands.selftest import deliveries
from pipelines.commands.selftest.damage import Damage
from pipelines.commands.selftest.stage import Stage

TITLES = [
    "delivered as .csv.gz: cut off",
    "delivered as .csv.gz: without its checksum",
    "delivered as .csv.gz: a bit flipped",
    "delivered as .csv.zst: its last byte cut off",
    "delivered as .csv: half a last line",
    "delivered as .csv: in UTF-16",
]
SAID = {
    "half a last line": "cannot be read as csv",
    "in UTF-16": "it is not utf-8 text, but looks like utf-16-le",
}


def test_every_delivery_is_tried(stage: Stage) -> None:
    assert [damage.title for damage in deliveries.every(stage)] == TITLES


@pytest.mark.parametrize("title", TITLES)
def test_a_broken_delivery_is_stopped_for_what_it_is(stage: Stage, title: str) -> None:
    (damage,) = (damage for damage in deliveries.every(stage) if damage.title == title)
    suffered = stage.suffer(damage)
    assert suffered.stopped_by == "ingest"
    assert f"{stage.night}.csv" in suffered.said
    assert SAID.get(title.rpartition(": ")[2], "is a broken delivery: ") in suffered.said


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".csv.zst"])
def test_the_same_files_unharmed_change_no_feature(stage: Stage, suffix: str) -> None:
    whole = Damage(
        "none", "scoring", lambda stage: deliveries.deliver(stage, suffix, bytes), may_be_harmless=True
    )
    assert stage.suffer(whole).harmless
