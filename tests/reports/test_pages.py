"""Pages escape what they are given, need nothing from elsewhere, and look the same when made twice."""

from __future__ import annotations

import base64
import re

import pytest
from jinja2 import UndefinedError

from pipelines.reports import pages


def test_a_page_loads_nothing_from_elsewhere() -> None:
    html = pages.render("base.html.j2")
    assert html.startswith("<!doctype html>")
    assert not re.search(r"https?://|<script|<link|@import|url\(", html)
    assert (
        "Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\""
        in html
    )


def test_values_are_escaped_and_missing_ones_are_errors() -> None:
    template = pages._environment().from_string(
        '{% extends "base.html.j2" %}{% block content %}{{ value }}{% endblock %}'
    )
    assert "&lt;script&gt;" in template.render(value="<script>")
    with pytest.raises(UndefinedError, match="value"):
        template.render()


def test_a_picture_becomes_a_data_uri() -> None:
    assert base64.b64decode(pages.png(b"\x89PNG").removeprefix("data:image/png;base64,")) == b"\x89PNG"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "—"),
        (0.987654, "0.9877"),
        (0.25, "0.2500"),
        (0.04093, "0.0409"),
        (0, "0"),
        (12, "12"),
        (1000, "1,000"),
        (26.1, "26.10"),
        (1.5, "1.500"),
        (45.678, "45.68"),
        (123456.7, "123,457"),
        (0.00001234, "1.2e-05"),
        (-0.00094, "-0.00094"),
    ],
)
def test_a_number_has_four_digits_and_decimals_line_up_below_one(value: float | None, text: str) -> None:
    assert pages.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "—"), (0.0, "0"), (0.25, "+0.2500"), (-0.25, "-0.2500"), (-3.25, "-3.250")]
)
def test_a_gain_tells_its_sign(value: float | None, text: str) -> None:
    assert pages.with_sign(value) == text
