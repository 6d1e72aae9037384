"""The matrix says of each damage who stopped it, and is not content with a gate that stopped none."""

from __future__ import annotations

import pytest

from pipelines.commands.selftest.damage import Damage
from pipelines.commands.selftest.matrix import Matrix
from pipelines.commands.selftest.stage import Aftermath


def damage(**changes: object) -> Damage:
    return Damage(**{"title": "rows are lost", "kind": "scoring", "do": lambda stage: stage.run_, **changes})  # type: ignore[arg-type]


def suffered(stopped_by: str | None, *passed: str, harmless: bool = False) -> Aftermath:
    return Aftermath(passed, stopped_by, "it is red", harmless)  # type: ignore[arg-type]


def told(one: Damage, found: Aftermath) -> list[str]:
    return str(Matrix("tiny").add(one, found)).split()


def test_a_row_shows_the_open_gates_the_red_one_and_those_that_were_not_reached() -> None:
    assert told(damage(), suffered("gate_clean", "raw")) == [
        "rows",
        "are",
        "lost",
        "open",
        "RED",
        *"--------",
    ]
    assert told(damage(), suffered("ingest"))[-2:] == ["ingest", "refuses"]
    assert told(damage(may_be_harmless=True), suffered(None, "raw", harmless=True))[-3:] == [
        "changes",
        "no",
        "feature",
    ]


@pytest.mark.parametrize(
    ("one", "found", "mistake"),
    [
        (damage(), suffered("gate_clean"), None),
        (damage(), suffered("ingest"), None),
        (damage(stopped_by="gate_clean"), suffered("gate_clean"), None),
        (damage(), suffered(None), "nothing stopped it"),
        (damage(stopped_by="gate_raw"), suffered(None), "nothing stopped it, gate_raw should"),
        (damage(stopped_by="gate_raw"), suffered("gate_clean"), "gate_clean stopped it, gate_raw should"),
        (damage(good=True), suffered(None), None),
        (damage(good=True), suffered("gate_raw"), "gate_raw does not let good data through: it is red"),
    ],
)
def test_a_damage_that_was_not_stopped_where_it_should_be_is_wrong(
    one: Damage, found: Aftermath, mistake: str | None
) -> None:
    matrix = Matrix("tiny")
    row = str(matrix.add(one, found))
    assert [wrong for wrong in matrix.wrong() if wrong.startswith("rows are lost")] == (
        [f"rows are lost: {mistake}"] if mistake else []
    )
    assert row.endswith(f"<- {mistake}") is bool(mistake)


def test_a_gate_that_stopped_no_damage_is_wrong() -> None:
    matrix = Matrix("tiny")
    for gate in ("raw", "clean", "past", "sources", "features", "trials", "scores", "parity", "predictions"):
        matrix.add(damage(), suffered(f"gate_{gate}"))
    assert matrix.wrong() == ["gate_drift has stopped none of the damages"]


def test_the_tail_counts_who_stopped_how_many() -> None:
    matrix = Matrix("tiny")
    matrix.add(damage(good=True), suffered(None))
    matrix.add(damage(), suffered("ingest"))
    matrix.add(damage(), suffered("ingest"))
    matrix.add(damage(), suffered("gate_raw"))
    assert list(matrix.tail()) == ["3 damages; stopped by ingest 2, gate_raw 1"]
