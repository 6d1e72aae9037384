"""Evidently's report on demand: framed, escaped, the same each time, and without what nobody may see."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import duckdb
import pandas as pd
import pytest

from pipelines.commands import evidently
from pipelines.core.config import UseCase
from pipelines.core.dates import Days
from pipelines.core.errors import BadInput
from pipelines.run.run import Run
from pipelines.steps import week
from tests.helpers import fitted
from tests.steps.test_drift import WEEK, champion, quiet_week, training

SCRIPT = "</script><b>x"


def run_of(monkeypatch: pytest.MonkeyPatch, rows: pd.DataFrame, use_case: UseCase | None = None) -> Run:
    """A drift run of which the rows are these."""
    connection = duckdb.connect()
    read = SimpleNamespace(
        reference=connection.from_df(training()),
        features=[connection.from_df(rows)],
        champion=champion(),
        days=Days(WEEK, WEEK),
    )
    monkeypatch.setattr(week, "read", lambda _: read)
    return cast("Run", SimpleNamespace(use_case=use_case or fitted.use_case(), days=Days(WEEK, WEEK)))


def personal(*columns: str) -> UseCase:
    facts = fitted.use_case()
    marked = {name: facts.columns[name].model_copy(update={"pii": True}) for name in columns}
    return facts.model_copy(update={"columns": facts.columns | marked})


def test_the_report_is_framed_and_the_same_each_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run = run_of(monkeypatch, quiet_week())
    told = evidently.write(run, tmp_path / "one.html")
    assert told.endswith(f"one.html: Evidently's report of tiny, the week from {run.days}")
    html = (tmp_path / "one.html").read_text()
    assert html == evidently.page(run_of(monkeypatch, quiet_week().sample(frac=1, random_state=1)))
    assert 'sandbox="allow-scripts" srcdoc="' in html
    assert "<script" not in html, "scripts run in the frame only"
    assert "&#34;phone&#34;" in html
    assert "wörld" not in html, "no text is shown"


def test_a_value_ends_no_script(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = quiet_week()
    html = evidently.page(
        run_of(monkeypatch, rows.assign(channel=rows.channel.where(rows.index % 2 == 0, SCRIPT)))
    )
    assert "/script&gt;&lt;b&gt;x" not in html


def test_personal_features_are_left_out_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    html = evidently.page(run_of(monkeypatch, quiet_week(), personal("channel")))
    assert "&#34;phone&#34;" not in html
    assert "Left out, since it would show raw values: channel, note" in html
    with pytest.raises(BadInput, match="every feature is a text or personal"):
        evidently.page(run_of(monkeypatch, quiet_week(), personal("channel", "amount")))


def test_a_file_that_cannot_be_written_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"(?s)cannot be written: No such file.*name a file in a folder"):
        evidently.write(run_of(monkeypatch, quiet_week()), tmp_path / "none" / "one.html")
