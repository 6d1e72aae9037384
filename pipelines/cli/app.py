"""All commands in one, and what every one of them does about mistakes, signals and logs."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Annotated

import typer

from pipelines import __version__
from pipelines.cli import (
    asked,
    checking,
    data,
    drift,
    explaining,
    gates,
    models,
    monitor,
    overview,
    quarantine,
    reading,
    running,
)
from pipelines.cli.group import Group, Root
from pipelines.core.errors import SluiceError

NAME = "sluice"
# Libraries narrate their own lives at INFO; only Sluice's steps are news.
NOISY = ("alembic", "mlflow", "great_expectations", "dvc", "skl2onnx")

# A stack trace is for who mends Sluice: as Python writes it, without the values of variables, which may be
# rows.
GROUPS = {
    "data": data,
    "models": models,
    "gates": gates,
    "monitor": monitor,
    "drift": drift,
    "quarantine": quarantine,
}
app = typer.Typer(cls=Root, pretty_exceptions_enable=False, invoke_without_command=True)
for plain in (
    checking.check,
    checking.fetch,
    running.run,
    running.backfill,
    monitor.rehearse,
    reading.read,
    explaining.trace,
    explaining.reproduce,
    checking.schema,
):
    app.command(cls=explaining.WithAnyKey if plain is explaining.trace else None)(plain)
for name, group in GROUPS.items():
    app.add_typer(group.app, name=name, cls=Group)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"{NAME} {__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="say which version this is")
    ] = False,
) -> None:
    """Batch machine learning behind gates: everything that Airflow does with a use case, without Airflow."""
    if context.invoked_subcommand is None:
        overview.show()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit code: 0 where all is well, 1 after a user's mistake, 2 where the command is none, 130 after
        Ctrl-C.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for noisy in NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        app(args=arguments, prog_name=NAME)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    except SluiceError as error:
        typer.echo(str(error), err=True)
        if asked.AS_JSON in (sys.argv if arguments is None else arguments):
            asked.print_json({"error": error.as_json()})
        return 1
    return 0


def command() -> None:
    """The script `sluice`."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `... | head` ends quietly, as other commands do
    signal.signal(signal.SIGINT, _interrupt)
    sys.exit(main())


def _interrupt(_: int, __: FrameType | None) -> None:
    """Stop in good order, once: a library may swallow it, so the next Ctrl-C ends the process at once."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    raise KeyboardInterrupt
