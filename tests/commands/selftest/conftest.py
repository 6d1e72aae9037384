"""The tiny use case with gates that know what is normal, and the stage on which it is damaged."""

from __future__ import annotations

import pytest

from pipelines.commands.selftest.stage import Stage
from pipelines.storage.settings import Settings
from tests.helpers import tiny

# What no promise of the file says: how many values are missing, how large the amounts are, who the customers
# are. A leak that tells the label, and that the source gives with its row. Another source.
LEAK = {
    'payments"}': 'payments", derive: {refund: "amount * (1 + bad)"}}',
    "  bad:      {": "  refund:   {type: number, role: leak, known_after: 3d}\n  bad:      {",
    "until: 2d}\n": "until: 2d}\n    settled: {by: [customer], since: 7d, until: 3d}\n",
    "avg(bad) over known\n": (
        "avg(bad) over known\n    refunds_before: avg(refund) over settled\n    most: card.most\n"
    ),
    "  numbers:\n": "  joins:\n    card: {source: limits, by: [customer], within: 3d}\n  numbers:\n",
    "cleanse:\n": """sources:
  limits:
    source: {kind: python, function: "tests.helpers.tiny:limits"}
    columns:
      customer: {type: string, role: key}
      told: {type: timestamp, role: time}
      known: {type: timestamp, required: true}
      most: {type: number}
    available_at: known
cleanse:
""",
}
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
    text = tiny.YAML
    for old, new in LEAK.items():
        text = text.replace(old, new)
    (place / "use_cases" / f"{tiny.NAME}.yaml").write_text(text + GATES)
    settings = Settings(
        data=place / "unused", use_cases=place / "use_cases", var=place / "var", mlflow="", mirror=None
    )
    (place / "stage").mkdir()
    return Stage.set(settings, tiny.NAME, place / "stage")
