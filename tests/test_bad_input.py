"""Bad input, as a user meets it: one sentence on stderr, exit code 1, and nothing half-written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml

from pipelines.__main__ import main
from pipelines.core.rendered import MAX_LINES
from pipelines.storage.settings import Settings
from tests.helpers import poison, tiny
from tests.sources.test_http import serving

DAYS = {"training": date(2026, 1, 31), "scoring": date(2026, 2, 1)}
HEADER = "id,at,customer,amount,channel,bad\n"
GOOD = HEADER + "".join(f"p{n},2026-02-01 0{n}:00:00,c{n},1{n}.5,chip,0\n" for n in range(5))


def only_good(day: date) -> pa.Table:
    rows = tiny.payments(day)
    return rows.set_column(rows.schema.get_field_index("bad"), "bad", pc.multiply(rows["bad"], 0))


def no_payments(day: date) -> pa.Table:
    return tiny.payments(day).slice(0, 0)


def broken(day: date) -> pa.Table:
    raise KeyError(f"amount of {day}")


@dataclass(frozen=True)
class Bad:
    """A small change of the tiny use case that makes it bad, and what the user is to be told."""

    says: tuple[str, ...]
    unpublished: tuple[str, ...]  # tables that must not be there afterwards
    kind: Literal["training", "scoring"] = "scoring"
    day: date | None = None  # another than DAYS has for the kind
    source: dict[str, Any] = field(default_factory=dict)
    words: tuple[tuple[str, str], ...] = ()  # replaced in the use-case file
    encoding: str = "utf-8"  # of the use-case file
    files: dict[str, bytes] = field(default_factory=dict)


def python(function: str) -> dict[str, Any]:
    return {"kind": "python", "function": f"tests.test_bad_input:{function}"}


def csv(path: str = "payments.csv") -> dict[str, Any]:
    return {"kind": "file", "path": path, "format": {"type": "csv"}}


def payments_csv(text: str, encoding: str = "utf-8") -> dict[str, Any]:
    """A source that is one CSV file with this text."""
    return {"source": csv(), "files": {"payments.csv": text.encode(encoding)}}


def public(url: str) -> dict[str, Any]:
    """A public file, of which the use case names another sha256 than that of any file here."""
    common = {
        "kind": "http",
        "sha256": "0" * 64,
        "mirror": "payments.csv",
        "licence": "none",
        "format": {"type": "csv"},
    }
    return common | {"url": url}


NOTHING = ("raw", "past_raw")
AFTER_FEATURES = ("trials/linear", "trials/xgboost", "validation", "scores")

BAD = {
    "unreachable source": Bad(
        source=public("http://127.0.0.1:1/payments.csv"),
        says=(
            "http://127.0.0.1:1/payments.csv cannot be reached: ",
            "run it again later",
            "SLUICE_DATA_MIRROR",
        ),
        unpublished=NOTHING,
    ),
    "wrong sha256": Bad(
        source=public("{server}/plain"),
        says=(
            "/plain is not the file that the use case names",
            "found sha256",
            f"expected sha256 {'0' * 64}",
            "source.sha256",
        ),
        unpublished=NOTHING,
    ),
    "path that matches no file": Bad(
        source=csv("lost/*.csv"),
        says=("no file ", "lost/*.csv", "put it there, or correct source.path"),
        unpublished=NOTHING,
    ),
    "missing and extra columns": Bad(
        **payments_csv(
            GOOD.replace("amount", "amuont").replace("bad\n", "bad,note\n").replace(",0\n", ",0,x\n")
        ),
        says=(
            "payments.csv: no column 'amount'; did you mean 'amuont'?",
            "payments.csv: a column 'amuont' that the schema does not know; did you mean 'amount'?",
            "payments.csv: a column 'note' that the schema does not know",
            "declare them under columns",
        ),
        unpublished=NOTHING,
    ),
    "wrong types": Bad(
        **payments_csv(
            GOOD.replace("12.5", "much")
            .replace("2026-02-01 04:00", "at four")
            .replace("14.5,chip,0", "14.5,chip,no")
        ),
        says=(
            "3 values are not of the declared type",
            "payments.csv, row 3, column amount: 'much' is not a number",
            "payments.csv, row 5, column at: 'at four:00' is not a timestamp",
            "payments.csv, row 5, column bad: 'no' is not an integer",
            "cleanse.missing",
        ),
        unpublished=NOTHING,
    ),
    "wrong type in the past that the features look back on": Bad(
        source=csv("{partition}/payments.csv"),
        files={
            "2026-02-01/payments.csv": GOOD.encode(),
            "2026-01-30/payments.csv": GOOD.replace("02-01", "01-30").replace("12.5", "much").encode(),
            "2026-01-31/payments.csv": GOOD.replace("02-01", "01-31").encode(),
        },
        says=("2026-01-30/payments.csv, row 3, column amount: 'much' is not a number",),
        unpublished=NOTHING,
    ),
    "lines of other lengths": Bad(
        **payments_csv(GOOD.replace("p1,", "p,1,").replace("c3,", "")),
        says=(
            "payments.csv cannot be read as csv",
            "line 3: ",
            "line 5: ",
            "correct the file, or source.format",
        ),
        unpublished=NOTHING,
    ),
    "text that is not UTF-8": Bad(
        **payments_csv(GOOD.replace("c3", "Zoë"), "latin-1"),
        says=(
            "payments.csv cannot be read as csv",
            "line 5: not utf-8 text; save the file as UTF-8",
            "source.format",
        ),
        unpublished=NOTHING,
    ),
    "empty partition": Bad(
        source=python("no_payments"),
        says=("no rows for 2026-02-01", "choose a day that the source has rows of"),
        unpublished=NOTHING,
    ),
    "empty file": Bad(
        **payments_csv(HEADER), says=("no rows for 2026-02-01; payments.csv gave none",), unpublished=NOTHING
    ),
    "partition that the source does not hold": Bad(
        **payments_csv(GOOD),
        day=date(2026, 3, 1),
        says=("no rows for 2026-03-01; the source holds 2026-02-01..2026-02-01", "choose a day"),
        unpublished=NOTHING,
    ),
    "function that raises": Bad(
        source=python("broken"),
        says=(
            "broken(2026-01-11) raised KeyError: 'amount of 2026-01-11', at ",
            "test_bad_input.py, line ",
            "correct the function",
        ),
        kind="training",
        unpublished=NOTHING,
    ),
    "unknown keys": Bad(
        words=(("delay_days", "delay_dys"), ("metric:", "metrc:")),
        says=(
            "line 13: label.delay_dys: unknown key; did you mean 'delay_days'?",
            "line 37: metrc: unknown key; did you mean 'metric'?",
        ),
        unpublished=NOTHING,
    ),
    "use-case file that is not UTF-8": Bad(
        words=(("One row", "Zoë"),),
        encoding="latin-1",
        says=("tiny.yaml: 1 mistake", "line 3: not UTF-8 text; save the file as UTF-8"),
        unpublished=NOTHING,
    ),
    "grid for parameters which do not exist": Bad(
        words=(("{C: [0.1, 1]}", "{CC: [0.1, 1], penalti: [l2]}"),),
        kind="training",
        says=(
            "candidates.linear.grid.CC: LogisticRegression has no parameter 'CC': did you mean 'C'?",
            (
                "candidates.linear.grid.penalti: LogisticRegression has no parameter 'penalti': did you mean"
                " 'penalty'?"
            ),
            "python -m pipelines check tiny",
        ),
        unpublished=AFTER_FEATURES,
    ),
    "target with one class": Bad(
        source=python("only_good"),
        kind="training",
        says=(
            "all 600 train rows have the same label (bad = 0); a model needs both classes",
            "split.window_days (20)",
            "label.positive (1)",
        ),
        unpublished=("features", *AFTER_FEATURES),
    ),
    "no champion yet": Bad(
        says=("tiny has no champion yet", "python -m pipelines run tiny training 2026-01-31"),
        unpublished=("predictions",),
    ),
    "gate that closes": Bad(
        source={"kind": "python", "function": "tests.helpers.poison:payments"},
        day=poison.POISONED,
        says=(
            "gate_clean of tiny scoring 2026-02-08 is closed",
            "reports/gate_clean.html",
            "mend the cause",
        ),
        unpublished=("features", "predictions"),
    ),
}


@pytest.fixture
def place(settings: Settings, mlflow_uri: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment of a user whose every folder is the test's own."""
    monkeypatch.setenv("SLUICE_USE_CASES", str(settings.use_cases))
    monkeypatch.setenv("SLUICE_DATA", str(settings.disk))
    monkeypatch.setenv("SLUICE_VAR", str(settings.var))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_uri)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("SLUICE_DATA_MIRROR", raising=False)
    return settings.use_cases.parent


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serving() as address:
        yield address


def lay_out(bad: Bad, place: Path, server: str) -> None:
    """Write the bad use case and its files."""
    text = tiny.YAML
    for old, new in bad.words:
        assert old in text
        text = text.replace(old, new)
    if bad.source:
        source = dict(bad.source)
        if "path" in source:
            source["path"] = str(place / "source" / source["path"])
        if "url" in source:
            source["url"] = source["url"].replace("{server}", server)
        text = yaml.safe_dump(yaml.safe_load(text) | {"source": source}, sort_keys=False)
    (place / "use_cases" / "tiny.yaml").write_text(text, encoding=bad.encoding)
    for name, content in bad.files.items():
        path = place / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.mark.parametrize("name", BAD)
def test_bad_input_ends_in_one_sentence_and_publishes_nothing(
    name: str, place: Path, server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = BAD[name]
    lay_out(bad, place, server)
    day = bad.day or DAYS[bad.kind]
    assert main(["run", "tiny", bad.kind, day.isoformat()]) == 1
    sentence = capsys.readouterr().err
    for words in bad.says:
        assert words in sentence
    assert len(sentence.splitlines()) <= MAX_LINES
    assert "Traceback" not in sentence
    for table in bad.unpublished:
        assert not (place / "data" / "tiny" / bad.kind / day.isoformat() / table / "manifest.json").exists()
    assert not list(place.rglob(".draft-*"))
