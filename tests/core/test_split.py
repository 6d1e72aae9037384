"""Held-out rows: the last days, or a share by hash that never changes sides."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from pipelines.core.config import UseCase
from pipelines.core.dates import Days
from pipelines.core.errors import BadInput, SluiceError
from pipelines.core.split import assign, require_apart
from pipelines.steps.features import compute
from tests.helpers.relations import dicts, relation, row, use_case

DAYS = Days(date(2026, 1, 1), date(2026, 1, 20))


def split_of(rows: list[dict[str, Any]], case: UseCase) -> dict[str, str]:
    return {
        found["id"]: found["split"]
        for found in dicts(assign(compute(relation(rows), None, case), case, DAYS))
    }


def a_row_each_hour(n: int = 480) -> list[dict[str, Any]]:
    return [row(f"{hour:03}", hour, bad=hour % 2, customer=f"c{hour % 40}") for hour in range(n)]


def by_hash(**folds: Any) -> UseCase:
    return use_case(
        split={"window_days": 20, "by": "hash", "test": 0.25, "folds": folds or {"by": "stratified"}}
    )


def test_a_row_on_neither_side_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "pipelines.core.split._held_out", lambda use_case, days: "id = '007' THEN 'neither' WHEN id > '300'"
    )
    with pytest.raises(
        SluiceError, match="of 480 rows, 479 became train, test or unlabelled: nothing is published"
    ):
        split_of(a_row_each_hour(), use_case())


def test_by_time_the_last_days_are_held_out() -> None:
    found = split_of(a_row_each_hour(), use_case())
    assert {id_ for id_, side in found.items() if side == "test"} == {
        f"{hour:03}" for hour in range(15 * 24, 20 * 24)
    }


def test_by_hash_about_the_share_is_held_out_and_a_row_never_changes_sides() -> None:
    found = split_of(a_row_each_hour(), by_hash())
    assert 0.2 < sum(side == "test" for side in found.values()) / len(found) < 0.3
    some = split_of(a_row_each_hour(100), by_hash())
    assert some == {id_: found[id_] for id_ in some}


def test_by_hash_and_group_a_group_stays_on_one_side() -> None:
    rows = a_row_each_hour()
    found = split_of(rows, by_hash(by="group", group="customer"))
    sides = {(item["customer"], found[item["id"]]) for item in rows}
    assert len(sides) == 40
    assert {side for _, side in sides} == {"train", "test"}


def test_rows_without_label_are_a_sentence_with_their_number() -> None:
    rows = [item | ({"bad": None} if item["id"] < "003" else {}) for item in a_row_each_hour()]
    with pytest.raises(BadInput, match=r"3 of 480 rows have no label \(bad\).*\n.*cleanse\.drop: \[bad\]"):
        split_of(rows, use_case())
    found = split_of(rows, use_case(cleanse={"drop": ["bad"]}))
    assert {id_ for id_, side in found.items() if side == "unlabelled"} == {"000", "001", "002"}
    assert len(found) == 480


@pytest.mark.parametrize(("side", "first", "last"), [("train", 0, 360), ("test", 360, 480)])
def test_a_side_with_one_class_is_a_sentence(side: str, first: int, last: int) -> None:
    rows = [
        item | ({"bad": 0} if first <= hour < last else {}) for hour, item in enumerate(a_row_each_hour())
    ]
    with pytest.raises(BadInput, match=rf"all {last - first} {side} rows have the same label \(bad = 0\)"):
        split_of(rows, use_case())


def test_a_side_without_rows_is_a_sentence() -> None:
    with pytest.raises(BadInput, match="no test rows among 100"):
        split_of(a_row_each_hour(100), use_case())


def require(rows: list[dict[str, Any]], case: UseCase) -> None:
    require_apart(assign(compute(relation(rows), None, case), case, DAYS), relation(rows), case)


def hash_of_rows(**changes: Any) -> UseCase:
    split = {"window_days": 20, "by": "hash", "test": 0.25, "folds": {"by": "stratified"}}
    return use_case(**{"split": split, "promotion": {}} | changes)


def of_customers(customers: int) -> list[dict[str, Any]]:
    return [row(f"{n:03}", n, bad=n % 2, customer=f"c{n % customers}") for n in range(480)]


def test_whoever_has_rows_on_both_sides_of_a_hash_is_refused_with_two_ways_out() -> None:
    with pytest.raises(BadInput, match="of 60 values of customer have rows on both sides") as refused:
        require(of_customers(60), hash_of_rows())
    assert "split.folds: {by: group, group: customer}" in refused.value.parts.fix
    assert "split.by: time" in refused.value.parts.fix


def test_the_rows_that_are_torn_are_counted() -> None:
    rows = of_customers(60)
    with pytest.raises(BadInput, match=r"(\d+) of (\d+) held-out rows") as refused:
        require(rows, hash_of_rows())
    side = split_of(rows, hash_of_rows())
    learned = {item["customer"] for item in rows if side[item["id"]] == "train"}
    held_out = [item for item in rows if side[item["id"]] == "test"]
    torn = sum(item["customer"] in learned for item in held_out)
    assert f" {torn} of {len(held_out)} held-out rows" in refused.value.parts.found


def test_whoever_has_one_row_may_be_dealt_by_hash() -> None:
    require(of_customers(480), hash_of_rows())


def test_a_few_kinds_of_rows_may_stand_on_both_sides() -> None:
    require(of_customers(49), hash_of_rows())


def test_a_stated_unit_may_not_stand_on_both_sides_however_few_there_are() -> None:
    with pytest.raises(BadInput, match="of 12 values of customer"):
        require(of_customers(12), hash_of_rows(promotion={"unit": "customer"}))


def test_groups_and_days_may_not_be_torn_so_nothing_is_asked_of_them() -> None:
    require(of_customers(60), by_hash(by="group", group="customer"))
    require(of_customers(60), use_case())


def test_rows_without_a_customer_are_nobodys() -> None:
    rows = [item | {"customer": None} for item in of_customers(60)]
    require(rows, hash_of_rows())
