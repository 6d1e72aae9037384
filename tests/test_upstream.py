"""Faults of libraries that we go around are still there: see docs/upstream."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from pipelines.storage.settings import ROOT

UPSTREAM = ROOT / "docs/upstream"
SCRIPTS = sorted(UPSTREAM.glob("*.py"))
PAGE = (UPSTREAM / "README.md").read_text()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
@pytest.mark.filterwarnings("ignore")
def test_a_fault_is_still_there(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stated = re.search(r"^# With .* it prints:\n((?:# .*\n)+)\Z", script.read_text(), re.MULTILINE)
    assert stated
    runpy.run_path(str(script))
    found = capsys.readouterr().out
    assert found == re.sub("^# ", "", stated[1], flags=re.MULTILINE), (
        "the library does otherwise now: if the fault has gone, so may our mend, see docs/upstream/README.md"
    )


def test_the_page_names_each_script_and_files_that_are_there() -> None:
    assert set(re.findall(r"\((\w+\.py)\)", PAGE)) == {script.name for script in SCRIPTS}
    for path in re.findall(r"`((?:pipelines|tests)/[\w/]+\.py)`", PAGE):
        assert (ROOT / path).is_file(), path
