"""Whatever file lies in the folder of use cases, it costs itself alone, and is named: with its line, what,
and the way out.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.__main__ import main
from pipelines.core import use_cases
from pipelines.core.config import UseCase
from pipelines.core.errors import BadUseCase
from pipelines.core.rendered import MAX_LINES
from tests.helpers import tiny
from tests.helpers.awkward import AWKWARD, SOUND, lay_out


@pytest.mark.parametrize("name", AWKWARD)
def test_an_awkward_file_is_refused_in_a_sentence_that_names_it(tmp_path: Path, name: str) -> None:
    lay_out(tmp_path, [name])
    with pytest.raises(BadUseCase) as error:
        use_cases.load(tmp_path, name)
    sentence = str(error.value)
    assert AWKWARD[name][1] in sentence
    assert name.isprintable() is sentence.startswith(f"{name}.yaml: ")
    assert len(sentence.splitlines()) <= MAX_LINES
    assert len(sentence) < 6_000
    assert use_cases.UNFORESEEN not in sentence


@pytest.mark.parametrize("name", SOUND)
def test_a_file_that_is_only_unusual_loads(tmp_path: Path, name: str) -> None:
    lay_out(tmp_path, [name])
    assert use_cases.load(tmp_path, name).use_case.name == name


def test_what_is_hidden_or_named_otherwise_is_no_use_case(tmp_path: Path) -> None:
    for name in (".#tiny.yaml", ".yaml", "tiny.yaml~", "tiny.json", "tiny"):
        (tmp_path / name).write_text("")
    assert use_cases.names(tmp_path) == []


def test_a_folder_that_is_not_there_is_told_and_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(BadUseCase, match="No such file or directory"):
        use_cases.names(tmp_path / "lost")


def test_an_error_that_nobody_has_thought_of_costs_its_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judged(raw: dict[str, object]) -> object:
        raise RecursionError(f"in {raw['name']}")

    (tmp_path / "tiny.yaml").write_text(tiny.YAML)
    monkeypatch.setattr(UseCase, "model_validate", judged)
    with pytest.raises(
        BadUseCase,
        match=r"tiny.yaml: 1 mistake\n  - line 1: it could not be judged, by RecursionError: 'in tiny'",
    ):
        use_cases.load(tmp_path, "tiny")


def test_check_tells_every_awkward_file_and_judges_all_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lay_out(tmp_path, [*AWKWARD, *SOUND])
    monkeypatch.setenv("SLUICE_USE_CASES", str(tmp_path))
    assert main(["check"]) == 1
    told = capsys.readouterr()
    assert sorted(told.out.splitlines()) == sorted(f"{name}.yaml: good" for name in SOUND)
    for _, sentence in AWKWARD.values():
        assert sentence in told.err
    assert "Traceback" not in told.err
