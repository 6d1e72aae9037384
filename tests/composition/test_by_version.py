"""A file for a night that was made before what the file has learned since."""

from __future__ import annotations

from pathlib import Path

import yaml

from pipelines.composition import by_version
from pipelines.core.config import UseCase
from tests import test_other_sources
from tests.helpers import tiny


def test_a_night_that_read_no_other_source_is_told_by_a_file_without_them() -> None:
    facts = yaml.safe_load(test_other_sources.YAML)
    now = by_version.as_file(UseCase.model_validate(facts), Path("tiny.yaml"))
    night = UseCase.model_validate(yaml.safe_load(tiny.YAML))
    less = by_version.as_far_as(now, night).use_case
    assert (less.sources, less.features.joins) == ({}, {})
    assert set(less.features.names) == set(night.features.names)
    assert less.features.windows.keys() == night.features.windows.keys()


def test_a_night_that_read_one_of_two_keeps_what_is_joined_of_that() -> None:
    facts = yaml.safe_load(test_other_sources.YAML)
    now = by_version.as_file(UseCase.model_validate(facts), Path("tiny.yaml"))
    del facts["sources"]["refunds"], facts["features"]["windows"]["back"]
    del facts["features"]["numbers"]["back_3d"], facts["features"]["numbers"]["back_sum"]
    less = by_version.as_far_as(now, UseCase.model_validate(facts)).use_case
    assert (list(less.sources), list(less.features.joins)) == (["limits"], ["card"])
    assert "most" in less.features.names
    assert "back" not in less.features.windows
