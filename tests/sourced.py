"""The tiny use case with another source: what ingest and its sources are tested with."""

from __future__ import annotations

from datetime import date
from typing import Any

import yaml

from pipelines import dates, ingest
from pipelines.config import Kind
from pipelines.run import Run
from pipelines.settings import Settings
from tests import tiny

DAY = date(2026, 2, 1)
HEADER = "id,at,customer,amount,channel,bad"
GOOD = """\
id,at,customer,amount,channel,bad
a,2026-02-01 00:00:00,c1,10.5,chip,0
b,2026-02-01 23:59:59,c2,,online,1
"""


def open_run(settings: Settings, source: dict[str, Any], kind: Kind = "scoring", partition: date = DAY, **changes: Any) -> Run:
    """Open a run of the tiny use case with this source; `changes` replace other top-level keys of its file."""
    stated = yaml.safe_load(tiny.YAML) | {"source": source} | changes
    (settings.use_cases / f"{tiny.NAME}.yaml").write_text(yaml.safe_dump(stated, sort_keys=False))
    return Run.open(tiny.NAME, kind, partition, settings)


def read(run: Run, *, may_be_empty: bool = False) -> list[dict[str, Any]]:
    """The rows that ingest gives for the run's own days."""
    days = dates.days_of(run.use_case, run.kind, run.partition)
    found: list[dict[str, Any]] = ingest.rows(run, days, may_be_empty=may_be_empty).to_arrow_table().to_pylist()
    return found
