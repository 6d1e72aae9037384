"""Where the self-test plays."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.commands.selftest.stage import EARLIER, Stage
from pipelines.core.errors import GateClosed
from pipelines.storage.settings import Settings


def set_with(
    red: dict[timedelta, str], monkeypatch: pytest.MonkeyPatch, settings: Settings, folder: Path
) -> Any:
    """Set a stage whose life ends at a closed gate, by how much earlier it is."""
    lived: list[timedelta] = []

    def life(_: Settings, __: str, ___: Path, back: timedelta) -> timedelta:
        lived.append(back)
        if back in red:
            raise GateClosed("it is closed", gate=red[back], fix="mend it")
        return back

    monkeypatch.setattr(Stage, "_set", life)
    return Stage.set(settings, "tiny", folder)


def test_a_use_case_whose_own_week_is_red_plays_some_weeks_earlier(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path
) -> None:
    red = {timedelta(): "gate_drift"}
    assert set_with(red, monkeypatch, settings, tmp_path) == EARLIER
    assert set_with({}, monkeypatch, settings, tmp_path) == timedelta()


@pytest.mark.parametrize(
    "red", [{timedelta(): "gate_raw"}, {timedelta(): "gate_drift", EARLIER: "gate_drift"}]
)
def test_a_use_case_that_does_not_get_so_far_is_told(
    red: dict[timedelta, str], monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(GateClosed, match="is closed"):
        set_with(red, monkeypatch, settings, tmp_path)
