"""What is made of a personal column is personal, under each of its names."""

from __future__ import annotations

import pytest
import yaml

from pipelines.core import personal
from pipelines.core.config import UseCase
from tests.helpers import tiny


def use_case(**changes: object) -> UseCase:
    """The tiny use case, whose customers are personal."""
    facts = yaml.safe_load(tiny.YAML)
    facts["columns"]["customer"]["pii"] = True
    return UseCase.model_validate({**facts, **changes})


def test_a_personal_column_is_personal_under_its_source_s_name_too() -> None:
    assert personal.columns(use_case()) == {"customer"}
    assert personal.columns(use_case(cleanse={"rename": {"Kunde Nr.": "customer"}})) == {
        "customer",
        "Kunde Nr.",
    }


def test_what_the_source_derives_of_a_personal_column_is_personal_and_what_is_derived_of_that() -> None:
    source = {
        "kind": "python",
        "function": "tests.helpers.tiny:payments",
        "derive": {"channel": "left(KUNDE, 1)", "amount": "length(channel)"},
    }
    found = personal.columns(
        use_case(source=source, cleanse={"rename": {"Kunde": "customer", "Weg": "channel"}})
    )
    assert found == {"customer", "Kunde", "channel", "Weg", "amount"}


@pytest.mark.parametrize(
    ("sql", "is_personal"),
    [
        ("customer", True),
        ("upper(CUSTOMER)", True),
        ('length("customer")', True),
        ("count(distinct customer) over week", True),
        ("count(*) over week", False),
        ("customers", False),
        ("channel || 'customer'", True),
    ],
)
def test_a_feature_that_may_read_a_personal_column_is_personal(sql: str, is_personal: bool) -> None:
    features = yaml.safe_load(tiny.YAML)["features"] | {"categories": {"x": sql}}
    assert ("x" in personal.features(use_case(features=features, slices=[]))) is is_personal
