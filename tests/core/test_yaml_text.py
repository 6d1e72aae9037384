"""What a word without quotes stands for in a file: what YAML 1.2 says, whatever reads or writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.core import yaml_text
from pipelines.core.config import UseCase
from pipelines.storage.settings import ROOT
from tests.helpers import tiny
from tests.sources.cases.words import ALIKE, OTHERWISE

BUNDLED = sorted([*ROOT.glob("include/**/*.yaml"), *ROOT.glob("benchmarks/**/*.yaml")])


def read(written: str) -> Any:
    return yaml_text.parse(f"a: {written}\n".encode())[0]["a"]


@pytest.mark.parametrize(("written", "value"), OTHERWISE.items())
def test_what_yaml_1_1_takes_for_something_else_is_what_stands_there(written: str, value: Any) -> None:
    assert (read(written), type(read(written))) == (value, type(value))
    try:
        before = yaml.safe_load(f"a: {written}")["a"]
    except yaml.YAMLError:
        return  # it could not be read at all
    assert (before, type(before)) != (value, type(value))


@pytest.mark.parametrize(("written", "value"), ALIKE.items())
def test_all_else_is_what_it_was(written: str, value: Any) -> None:
    assert (read(written), type(read(written))) == (value, type(value))
    assert yaml.safe_load(f"a: {written}")["a"] == value


@pytest.mark.parametrize("written", ["!!bool yes", "!!int 1_000", "!!int 1:30", "!!float ten"])
def test_a_word_with_a_tag_that_it_is_not_is_refused(written: str) -> None:
    with pytest.raises(yaml_text.BadYaml, match="to YAML, and is none"):
        read(written)


def test_words_that_are_texts_now_may_be_keys_and_those_that_merge_mappings_are_refused() -> None:
    assert yaml_text.parse(b"on: 1\n2026-01-31: 2\n'<<': 3")[0] == {"on": 1, "2026-01-31": 2, "<<": 3}
    with pytest.raises(yaml_text.BadYaml, match="`<<` merges mappings"):
        yaml_text.parse(b"<<: 3")


@pytest.mark.parametrize("word", [*OTHERWISE, *ALIKE, "<<", "x"])
def test_a_text_that_is_written_is_the_same_text_to_both(word: str) -> None:
    text = yaml.dump({"a": word}, Dumper=yaml_text.Dumper)
    assert yaml_text.parse(text.encode())[0] == {"a": word} == yaml.safe_load(text)


@pytest.mark.parametrize(
    "value", [True, None, 10, -3, 0.1, 1e300, 1e-7, float("inf"), ["a", 1], {"b": {"c": 2.0}}]
)
def test_a_value_that_is_written_is_the_same_value_to_both(value: Any) -> None:
    text = yaml.dump({"a": value}, Dumper=yaml_text.Dumper)
    assert yaml_text.parse(text.encode())[0] == {"a": value} == yaml.safe_load(text)


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.name)
def test_the_files_that_come_along_mean_what_they_meant(path: Path) -> None:
    content = path.read_bytes()
    now, before = (
        UseCase.model_validate(raw) for raw in (yaml_text.parse(content)[0], yaml.safe_load(content))
    )
    assert now == before


def test_so_does_the_use_case_of_the_tests() -> None:
    assert UseCase.model_validate(yaml_text.parse(tiny.YAML.encode())[0]) == UseCase.model_validate(
        yaml.safe_load(tiny.YAML)
    )


@pytest.mark.parametrize(
    ("where", "written"), [("a.1", "007"), ("b.c", "NO"), ("b", None), ("a.7", None), ("b.d", None)]
)
def test_what_stands_at_a_place_is_told_letter_by_letter(where: str, written: str | None) -> None:
    whole = yaml_text.compose(b"a: [1, 007]\nb: {c: NO}\n")
    assert yaml_text.as_written(whole, tuple(where.split("."))) == written


def test_the_country_no_is_a_country_wherever_a_file_names_it() -> None:
    text = tiny.YAML.replace("allowed: [chip, online]", "allowed: [DE, NO]").replace(
        "lower: [channel]", "missing: {channel: [NO]}\n  fill: {channel: no}"
    )
    use_case = UseCase.model_validate(yaml_text.parse(text.encode())[0])
    assert use_case.columns["channel"].allowed == ("DE", "NO")
    assert use_case.cleanse.missing == {"channel": ("NO",)}
    assert use_case.cleanse.fill == {"channel": "no"}
