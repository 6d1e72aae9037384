"""SQL that no use case may contain is not computed, whether or not anybody has run `check` before."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pipelines import flow
from pipelines.core.errors import BadUseCase
from pipelines.core.use_cases import load_file
from pipelines.preflight.check import check
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
from tests.helpers import tiny

DAY = date(2026, 2, 1)
READS = "(SELECT length(content) FROM read_text('{file}'))"
STEPS = (flow.ingest, flow.cleanse, flow.past, flow.features)


@pytest.mark.parametrize(
    ("old", "new", "step"),
    [
        ('payments"}', 'payments", derive: {extra: "READS"}}', flow.ingest),
        ("lower: [channel]", 'rules: {short: "READS > 1"}', flow.cleanse),
        ("amount: amount\n", 'amount: "READS"\n', flow.features),
        ("amount: amount\n", "amount: \"length(json_serialize_plan('SELECT 1'))\"\n", flow.features),
        ("amount: amount\n", "amount: bad.abs()\n", flow.features),
        ("lower: [channel]", "rules: {short: bad.abs() > 1}", flow.cleanse),
        ('payments"}', 'payments", derive: {extra: "length(current_setting(\'threads\'))"}}', flow.ingest),
    ],
)
def test_what_no_expression_may_contain_stops_the_step_that_would_compute_it(
    settings: Settings, tmp_path: Path, old: str, new: str, step: object
) -> None:
    (tmp_path / "file").write_text("five!")
    assert old in tiny.YAML
    path = settings.use_cases / "tiny.yaml"
    text = (
        tiny.YAML.replace("  channel:  {", "  extra: {type: number, role: ignored}\n  channel:  {")
        if "derive" in new
        else tiny.YAML
    )
    path.write_text(text.replace(old, new.replace("READS", READS.format(file=tmp_path / "file"))))
    assert check(load_file(path))
    run = Run.open(tiny.NAME, "scoring", DAY, settings)
    for each in STEPS:
        if each is step:
            with pytest.raises(
                BadUseCase,
                match=(
                    r"is not allowed here|is no function that|write the function alone|changes from run"
                    r" to run"
                ),
            ):
                each(run.task())
            return
        each(run.task())
