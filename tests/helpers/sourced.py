"""The tiny use case with another source: what ingest and its sources are tested with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pyarrow as pa
import yaml

from pipelines.core import dates
from pipelines.core.config import Kind
from pipelines.core.errors import SluiceError
from pipelines.run.run import Run
from pipelines.steps import ingest
from pipelines.storage.settings import Settings
from tests.helpers import tiny

DAY = date(2026, 2, 1)
HEADER = "id,at,customer,amount,channel,bad"
GOOD = """\
id,at,customer,amount,channel,bad
a,2026-02-01 00:00:00,c1,10.5,chip,0
b,2026-02-01 23:59:59,c2,,online,1
"""


def open_run(
    settings: Settings, source: dict[str, Any], kind: Kind = "scoring", partition: date = DAY, **changes: Any
) -> Run:
    """Open a run of the tiny use case with this source.

    `changes` replace other top-level keys of its file.
    """
    stated = yaml.safe_load(tiny.YAML) | {"source": source} | changes
    (settings.use_cases / f"{tiny.NAME}.yaml").write_text(yaml.safe_dump(stated, sort_keys=False))
    return Run.open(tiny.NAME, kind, partition, settings)


def read(run: Run, *, may_be_empty: bool = False) -> list[dict[str, Any]]:
    """The rows that ingest gives for the run's own days: the same, or the same refusal, whether they are
    streamed or kept.
    """
    days = dates.days_of(run.use_case, run.kind, run.partition)
    if may_be_empty:
        return dicts(ingest.rows(run, days, may_be_empty=True).to_arrow_table())
    streamed, kept = (
        outcome(lambda: published(run, days)),
        outcome(lambda: ingest.rows(run, days).to_arrow_table()),
    )
    if isinstance(streamed, SluiceError):
        assert (type(streamed), str(streamed)) == (type(kept), str(kept))
        raise streamed
    assert not isinstance(kept, SluiceError)
    assert dicts(streamed) == dicts(kept)
    return dicts(streamed)


def published(run: Run, days: dates.Days) -> pa.Table:
    """What ingest streams into a table."""
    return ingest.stream(run, days, pa.RecordBatchReader.read_all)


def outcome(call: Callable[[], pa.Table]) -> pa.Table | SluiceError:
    """What a call returns, or how it refuses."""
    try:
        return call()
    except SluiceError as refusal:
        return refusal


def dicts(table: pa.Table) -> list[dict[str, Any]]:
    """A table's rows."""
    found: list[dict[str, Any]] = table.to_pylist()
    return found
