"""The command line: a user's mistake ends in a sentence and exit code 1, never in a stack trace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines.__main__ import main
from tests.helpers import tiny


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_cases = tmp_path / "use_cases"
    use_cases.mkdir()
    (use_cases / "tiny.yaml").write_text(tiny.YAML)
    for name, folder in (("SLUICE_USE_CASES", "use_cases"), ("SLUICE_DATA", "data"), ("SLUICE_VAR", "var")):
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


def test_a_good_file_is_said_to_be_good(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "tiny"]) == 0
    assert "tiny.yaml: good" in capsys.readouterr().out


def test_a_file_with_deep_mistakes_is_told_all_of_them_with_their_lines(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (
        tiny.YAML.strip()
        .replace("log_amount: ln(1 + amount)", "log_amount: ln(1 + amuont)")
        .replace("{C: [0.1, 1]}", "{CC: [0.1, 1]}")
    )
    (place / "use_cases" / "tiny.yaml").write_text(
        text + "\ngates:\n  clean:\n    - expect_column_values_to_be_uniqe: {column: id}\n"
    )
    assert main(["check"]) == 1
    message = capsys.readouterr().err
    assert "tiny.yaml: 3 mistakes" in message
    assert "'amuont'" in message
    assert "did you mean 'C'" in message
    assert "expect_column_values_to_be_unique" in message


def test_an_unknown_use_case_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "tinny", "scoring", "2026-02-01"]) == 1
    assert capsys.readouterr().err.startswith("no use case 'tinny'")


def test_a_partition_that_leaves_the_data_folder_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "tiny", "scoring", "../../2026-02-01"]) == 1
    assert "is not a day" in capsys.readouterr().err


def test_the_schema_is_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["type"] == "object"


def test_gates_tell_of_every_use_case_what_is_wrong_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gates", "test", "tinny", "tonny"]) == 1
    message = capsys.readouterr().err
    assert "no use case 'tinny'" in message
    assert "no use case 'tonny'" in message
