"""What every command does: exit codes, interruptions, and no library before it is needed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from pipelines import __version__
from pipelines.__main__ import main
from pipelines.cli.group import STOPPED, STOPPED_PLAYING
from pipelines.core.errors import SluiceError
from pipelines.registry.history import History
from pipelines.storage.settings import ROOT
from tests.helpers.waiting import PATIENCE
from tests.test_layers import HEAVY

pytestmark = pytest.mark.usefixtures("place")
HISTORY = ["models", "history", "tiny"]


def test_the_version_is_that_of_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"sluice {__version__}\n"
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == __version__


@pytest.mark.parametrize(
    "wrong",
    [
        ["models"],
        ["models", "history"],
        ["run", "tiny", "scorin", "2026-02-01"],
        ["run", "tiny", "scoring"],
        ["models", "retire", "tiny"],
        ["check", "--jsn"],
    ],
    ids=" ".join,
)
def test_what_is_no_command_is_exit_code_2(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(wrong) == 2
    assert "Usage: sluice" in "".join(capsys.readouterr())


def test_a_users_mistake_is_its_sentence_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def read(_: History) -> None:
        raise SluiceError("the history is damaged", fix="a backup")

    monkeypatch.setattr(History, "lines", read)
    assert main(HISTORY) == 1
    assert capsys.readouterr() == ("", "the history is damaged\n  way out: a backup\n")
    assert main([*HISTORY, "--json"]) == 1
    told = capsys.readouterr()
    assert told.err == "the history is damaged\n  way out: a backup\n"
    error = json.loads(told.out)["error"]
    assert (error["kind"], error["found"], error["fix"]) == (
        "SluiceError",
        "the history is damaged",
        "a backup",
    )


# --- interrupted


@pytest.mark.parametrize("by", [KeyboardInterrupt(), RuntimeError("Query interrupted")], ids=repr)
def test_an_interruption_is_one_sentence_and_exit_code_130(
    by: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def read(_: History) -> None:
        raise by

    monkeypatch.setattr(History, "lines", read)
    assert main(HISTORY) == 130
    assert capsys.readouterr() == ("", f"{STOPPED}\n")


@pytest.mark.parametrize(
    ("typed", "module", "name"),
    [
        ("rehearse tiny --from 2026-02-01 --to 2026-02-02", "pipelines.commands.rehearse", "rehearse"),
        ("monitor test tiny", "pipelines.commands.monitor", "prove"),
        ("gates test tiny", "pipelines.commands.selftest", "prove"),
    ],
)
def test_what_is_played_begins_anew_after_an_interruption(
    typed: str, module: str, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def played(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(import_module(module), name, played)
    assert main(typed.split()) == 130
    assert capsys.readouterr().err == f"{STOPPED_PLAYING}\n"


def test_an_interruption_behind_another_error_is_one_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def read(_: History) -> None:
        try:
            raise RuntimeError("Query interrupted")
        finally:
            raise ValueError("connection already closed")

    monkeypatch.setattr(History, "lines", read)
    assert main(HISTORY) == 130
    assert capsys.readouterr() == ("", f"{STOPPED}\n")


def test_another_error_keeps_its_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(_: History) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(History, "lines", read)
    with pytest.raises(RuntimeError, match="a mistake of ours"):
        main(HISTORY)


SLOW = """
import time
from pipelines.__main__ import command
from pipelines.registry.history import History

def read(_):
    print("reading", flush=True)
    time.sleep(600)

History.lines = read
command()
"""


def test_ctrl_c_ends_the_process_with_a_sentence(place: Path) -> None:
    child = reading(SLOW)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=PATIENCE)
    assert (child.returncode, said) == (130, f"{STOPPED}\n")


SWALLOWED = """
import time
from pipelines.__main__ import command
from pipelines.registry.history import History

def read(_):
    try:
        print("reading", flush=True)
        time.sleep(600)
    except KeyboardInterrupt:
        print("no", flush=True)
    time.sleep(600)

History.lines = read
command()
"""


def test_a_second_ctrl_c_ends_the_process_though_the_first_was_swallowed(place: Path) -> None:
    child = reading(SWALLOWED)
    child.send_signal(signal.SIGINT)
    assert child.stdout is not None
    assert child.stdout.readline() == "no\n"
    child.send_signal(signal.SIGINT)
    assert child.wait(timeout=PATIENCE) == -signal.SIGINT


def reading(code: str) -> subprocess.Popen[str]:
    """The command as a process of its own, in the midst of its work."""
    child = subprocess.Popen(
        [sys.executable, "-c", code, *HISTORY],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "reading\n"
    return child


# --- light

LIGHT = """
import sys
from pipelines.__main__ import main
code = main(sys.argv[2:])
print(*sorted(set(sys.argv[1].split()) & set(sys.modules)), file=sys.stderr)
sys.exit(code)
"""
NONE_OF = " ".join(HEAVY | {"scipy", "boto3", "sqlalchemy", "alembic", "httpx"})


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("", 0),
        ("--help", 0),
        ("--version", 0),
        ("schema", 0),
        ("models --help", 0),
        ("models history tiny", 0),
        ("models history tiny --json", 0),
        ("models at tiny 2026-02-01", 0),
        ("data list tiny", 0),
        ("check broken", 1),
        ("modles", 2),
        ("models histroy tiny", 2),
        ("run tiny scorin 2026-02-01", 2),
        ("run tiny scoring 2026-02-31", 1),
        *(
            (f"{command}", 1)
            for command in (
                "check tinny",
                "fetch tinny",
                "run tinny scoring 2026-02-01",
                "backfill tinny 2026-02-01 2026-02-02",
                "data list tinny",
                "data restore tinny 2026-02-01 there",
                "models history tinny",
                "models at tinny 2026-02-01",
                "models compare tinny 1 2",
                "models rollback tinny 1 --reason why",
                "models retire tinny --reason why",
                "models approve tinny 2026-02-01 --reason why",
                "models reject tinny 2026-02-01 --reason why",
                "trace tinny 7 2026-02-01",
                "reproduce tinny 1",
                "gates test tinny",
                "gates propose tinny training 2026-02-01",
                "gates accept tinny scoring 2026-02-01 clean --reason why",
                "quarantine show tinny scoring 2026-02-01",
                "quarantine replay tinny 2026-02-01",
            )
        ),
    ],
)
def test_no_library_of_data_is_loaded_before_it_is_needed(place: Path, arguments: str, code: int) -> None:
    (place / "use_cases" / "broken.yaml").write_text("name: broken\ntask: [binary\n")
    done = subprocess.run(
        [sys.executable, "-c", LIGHT, NONE_OF, *arguments.split()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    *said, loaded = done.stderr.splitlines()
    assert (done.returncode, loaded) == (code, "")
    assert ("did you mean 'tiny'?" in "".join(said)) is ("tinny" in arguments)
