"""The tiny use case with gates that know what is normal, and the stage on which it is damaged."""

from __future__ import annotations

import pytest

from pipelines.selftest.stage import Stage
from pipelines.settings import Settings
from tests import tiny

# What no promise of the file says: how many values are missing, how large the amounts are, who the customers are.
GATES = """
gates:
  raw:
    - expect_column_values_to_not_be_null: {column: amount, mostly: 0.9}
    - expect_column_values_to_not_be_null: {column: channel, mostly: 0.9}
    - expect_column_mean_to_be_between: {column: amount, min_value: 20, max_value: 80}
    - expect_column_values_to_match_regex: {column: customer, regex: "^c[0-9]$"}
  features:
    - expect_column_mean_to_be_between: {column: bad, min_value: 0.02, max_value: 0.4}
monitoring: {min_performance: 0.1}
"""


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """The tiny use case after its good life; each damage starts from there."""
    place = tmp_path_factory.mktemp("stage")
    (place / "use_cases").mkdir()
    (place / "use_cases" / f"{tiny.NAME}.yaml").write_text(tiny.YAML + GATES)
    settings = Settings(data=place / "unused", use_cases=place / "use_cases", var=place / "var", mlflow="", mirror=None)
    (place / "stage").mkdir()
    return Stage.set(settings, tiny.NAME, place / "stage")
