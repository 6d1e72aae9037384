"""A champion's definitions in a file put together: columns where the present file has them, and nothing
guessed.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
import yaml

from pipelines.composition import put_together
from pipelines.core import meaning, personal
from pipelines.core.config import Column, UseCase
from pipelines.sources.declared import Declared
from tests import test_other_sources
from tests.helpers import tiny


def listing(
    columns: str, rename: str = "", derive: str = "", header: str = "false", feature: str = "amount"
) -> UseCase:
    """The tiny use case of a CSV file that has these columns."""
    said = yaml.safe_load(tiny.YAML)
    format_ = {"type": "csv", "header": header == "true"}
    said["source"] = {
        "kind": "file",
        "path": "a.csv",
        "format": format_,
        "derive": yaml.safe_load(derive) or {},
    }
    kinds = {**said["columns"], "day": {"type": "string", "role": "ignored"}}
    kinds |= {"kunde": kinds["customer"], "betrag": kinds["amount"], "summe": kinds["amount"]}
    names = [*columns.split(), *said["source"]["derive"]]
    said["columns"] = {name: kinds.get(name, {"type": "number"}) for name in names}
    said["cleanse"]["rename"] = yaml.safe_load(rename) or {}
    by = "customer" if "customer" in names else "kunde"
    said["features"]["windows"] = {
        name: {**window, "by": [by]} for name, window in said["features"]["windows"].items()
    }
    said["features"]["numbers"]["amount"] = feature
    if "amount" not in names:
        other = "summe" if "summe" in names else "betrag"
        said["features"]["numbers"] = {
            name: text.replace("amount", other) for name, text in said["features"]["numbers"].items()
        }
    return UseCase.model_validate(said)


LEARNED = "id at customer amount channel bad"
FEE = "id at customer amount fee channel bad"


@pytest.mark.parametrize(
    ("learned", "now", "read"),
    [
        # renamed in place
        (listing(LEARNED), listing("id at customer betrag channel bad"), "id at customer amount channel bad"),
        (listing(LEARNED), listing("id at kunde betrag channel bad"), "id at customer amount channel bad"),
        (listing(LEARNED), listing("id at amount customer channel bad"), "id at amount customer channel bad"),
        (
            listing(LEARNED),
            listing("id at tip customer amount channel bad"),
            "id at tip customer amount channel bad",
        ),
        (listing(LEARNED), listing(LEARNED, "{Summe: amount}"), LEARNED),
        (
            listing(LEARNED, "{Summe: amount}"),
            listing("amount id at customer channel bad"),
            "Summe id at customer channel bad",
        ),
        # Places are the schema's, whatever raw calls what stands there.
        (listing(FEE), listing(FEE, "{amount: fee, fee: amount}", feature="2 * amount"), FEE),
        (
            listing(FEE, "{amount: fee, fee: amount}"),
            listing("id at fee customer amount channel bad"),
            "id at amount customer fee channel bad",
        ),
        (
            listing(LEARNED, "{Summe: amount}"),
            listing("id at customer summe channel bad", "{amount: summe}", header="true"),
            LEARNED,
        ),
        (
            listing("id day customer amount channel bad", derive='{at: "cast(day as timestamp)"}'),
            listing(LEARNED + " day"),
            "id at_2 customer amount channel bad day",
        ),
        # spelt otherwise
        (listing(LEARNED, "{Amount: amount}", header="true"), listing(LEARNED, header="true"), LEARNED),
        (
            listing(LEARNED, header="true"),
            listing("id at customer amount tip channel bad", "{amount: tip, Net: amount}", header="true"),
            LEARNED + " Net",
        ),
    ],
)
def test_learned_columns_are_looked_for_where_the_present_file_has_them(
    learned: UseCase, now: UseCase, read: str
) -> None:
    together = put_together.put_together(learned, now)
    assert Declared.of(together).given == tuple(read.split())
    assert UseCase.model_validate(together.model_dump()) == together
    assert meaning.meanings(together) == meaning.meanings(learned)


def late(after: str) -> UseCase:
    """The tiny use case with a leak that is known so long after its row, and is read from there on."""
    said = yaml.safe_load(tiny.YAML)
    said["columns"]["tip"] = {"type": "number", "role": "leak", "known_after": after}
    said["features"]["windows"]["known"]["until"] = after
    said["features"]["numbers"]["bad_before"] = "avg(tip) over known"
    return UseCase.model_validate(said)


def test_a_night_of_a_champion_reads_a_leak_from_when_on_its_champion_has_learned_to() -> None:
    without = yaml.safe_load(tiny.YAML)
    without["columns"]["tip"] = {"type": "number", "role": "leak"}
    for now in (late("6d"), UseCase.model_validate(without)):
        together = put_together.put_together(late("3d"), now)
        assert (together.late, together.known_after("tip")) == (("tip",), timedelta(days=3))
        assert meaning.meanings(together) == meaning.meanings(late("3d"))
        assert UseCase.model_validate(together.model_dump()) == together


@pytest.mark.parametrize(
    "columns",
    [
        "id at customer channel betrag bad",
        "id at customer betrag tip channel bad",
        "id at customer channel bad",
    ],
)
def test_a_column_that_a_source_without_names_may_have_anywhere_is_not_guessed(columns: str) -> None:
    with pytest.raises(ValueError, match="which of its columns is amount"):
        put_together.put_together(listing(LEARNED), listing(columns, feature="0"))


def test_a_column_is_not_known_without_names_that_the_source_had_called_otherwise() -> None:
    with pytest.raises(ValueError, match="which of its columns is amount"):
        put_together.put_together(listing(LEARNED, "{Summe: amount}", header="true"), listing(LEARNED))


@pytest.mark.parametrize(
    "instead",
    [
        {"type": "integer", "min": 0, "role": "leak"},
        {"type": "number", "min": 0, "role": "ignored"},
        {"type": "integer", "min": 0},
        {"type": "number"},
        {"type": "number", "min": 0, "max": 9},
        {"type": "number", "min": 0, "required": True},
        {"type": "number", "min": 0, "pii": True},
    ],
    ids=str,
)
def test_a_column_that_is_declared_otherwise_is_another_one_in_the_place_of_the_learned(
    instead: dict[str, object],
) -> None:
    now = listing("id at customer betrag channel bad")
    now = now.model_copy(update={"columns": {**now.columns, "betrag": Column.model_validate(instead)}})
    with pytest.raises(
        ValueError, match="is amount: betrag, in that place, is declared otherwise or read by other features"
    ):
        put_together.put_together(listing(LEARNED), now)


@pytest.mark.parametrize(
    "repair", [{"missing": {"betrag": [-1]}}, {"fill": {"betrag": 0}}, {"drop": ["betrag"]}], ids=str
)
def test_a_column_that_is_repaired_otherwise_is_not_taken_for_the_learned_one(
    repair: dict[str, object],
) -> None:
    now = listing("id at customer betrag channel bad")
    now = now.model_copy(update={"cleanse": now.cleanse.model_copy(update=repair)})
    with pytest.raises(ValueError, match="is amount: betrag, in that place"):
        put_together.put_together(listing(LEARNED), now)


def test_a_column_that_other_features_read_is_not_taken_for_the_learned_one() -> None:
    now = listing("id at customer betrag channel bad")
    fee = now.features.model_copy(update={"numbers": {"fee": "betrag", "payments_7d": "count(*) over week"}})
    with pytest.raises(ValueError, match="is amount: betrag, in that place"):
        put_together.put_together(listing(LEARNED), now.model_copy(update={"features": fee}))


def test_a_column_that_comes_besides_is_read_as_the_present_file_says() -> None:
    now = listing(LEARNED + " tip", header="true", feature="-amount")
    now = now.model_copy(update={"cleanse": now.cleanse.model_copy(update={"missing": {"tip": ("n/a",)}})})
    together = put_together.put_together(listing(LEARNED, header="true"), now)
    assert (together.columns["tip"].role, Declared.of(together).codes) == ("ignored", {"tip": ("n/a",)})


@pytest.mark.parametrize(
    ("now", "header", "hidden"),
    [
        (listing(LEARNED), "false", {"customer"}),
        (listing("id at kunde amount channel bad"), "false", {"customer"}),  # renamed in place
        # which of the two it was, nothing tells
        (listing("id kunde at amount channel bad"), "false", {"customer", "at"}),
        (listing("id at amount customer channel bad"), "false", {"customer", "amount"}),
        # the source calls it otherwise
        (listing(LEARNED, "{client: customer}", header="true"), "true", {"customer"}),
        # and so does the schema
        (listing("id at kunde amount channel bad", "{client: kunde}", header="true"), "true", {"customer"}),
        (listing(LEARNED, header="true"), "false", {"customer"}),
        (
            listing(LEARNED, "{customer: channel, channel: customer}", header="true"),
            "true",
            {"customer", "channel"},
        ),
        (listing("id at customer amount channel kunde bad", header="true"), "true", {"customer"}),
    ],
)
def test_what_is_personal_by_now_is_so_in_a_file_of_before_whatever_it_was_called(
    now: UseCase, header: str, hidden: set[str]
) -> None:
    marked = {
        name: column.model_copy(update={"pii": name in ("customer", "kunde")})
        for name, column in now.columns.items()
    }
    found = personal.with_privacy(listing(LEARNED, header=header), now.model_copy(update={"columns": marked}))
    assert {name for name, column in found.columns.items() if column.pii} == hidden
    assert personal.with_privacy(listing(LEARNED, header=header), now) == listing(LEARNED, header=header)


def test_what_is_personal_by_now_is_so_in_a_learned_source_too() -> None:
    learned = UseCase.model_validate(yaml.safe_load(test_other_sources.YAML))
    facts = yaml.safe_load(test_other_sources.YAML)
    facts["sources"]["limits"]["columns"]["customer"]["pii"] = True
    made = put_together.put_together(learned, UseCase.model_validate(facts))
    columns = made.sources["limits"].columns
    assert [name for name, column in columns.items() if column.pii] == ["customer"]
