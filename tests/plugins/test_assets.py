"""What DAGs tell each other has a name of its own for each use case and each thing told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sluice_airflow import assets

EACH: tuple[Callable[[str], Any], ...] = (
    assets.champion,
    assets.predictions,
    assets.predictions_verdict,
    assets.drift_found,
    assets.drift_verdict,
)


def test_names_differ_by_use_case_and_by_what_is_told() -> None:
    assert len({asset(name).name for asset in EACH for name in ("tiny", "other")}) == 2 * len(EACH)


@pytest.mark.parametrize("asset", EACH)
def test_it_is_the_same_wherever_it_is_named(asset: Callable[[str], Any]) -> None:
    assert asset("tiny") == asset("tiny")
    assert asset("tiny").group == assets.GROUP
