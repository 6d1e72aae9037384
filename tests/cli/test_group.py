"""A mistyped command is told which one it may have meant."""

from __future__ import annotations

import pytest
import typer

from pipelines.__main__ import main
from pipelines.cli.app import app
from pipelines.cli.group import Group

pytestmark = pytest.mark.usefixtures("place")


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["chekc"], "no command 'chekc': did you mean 'check'?"),
        (["models", "histroy", "tiny"], "no command 'histroy': did you mean 'history'?"),
        (["data", "zzz"], "no command 'zzz': known: list, restore"),
    ],
)
def test_a_mistyped_command_is_told_what_it_may_have_meant(
    typed: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(typed) == 2
    assert told in capsys.readouterr().err


def test_every_group_says_so() -> None:
    groups = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert {name for name, one in groups.items() if isinstance(one, Group)} == {
        "data",
        "drift",
        "models",
        "gates",
        "monitor",
        "quarantine",
    }
