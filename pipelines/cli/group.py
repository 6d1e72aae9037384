"""Groups of commands: which one a mistyped word may have meant, and how a command is interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperGroup

from pipelines.core.errors import brief, did_you_mean
from pipelines.storage import disk
from pipelines.storage.settings import Settings

STOPPED = "stopped: each table is whole, as it was before or as it is now; the same command again goes on"
PLAYED = ("rehearse", "monitor test", "gates test")  # in a folder of their own, which is gone with them
STOPPED_PLAYING = "stopped: no table was touched, and nothing is left; the same command again begins anew"
BY_DUCKDB = "Query interrupted"  # what becomes of a KeyboardInterrupt in the middle of a query


class Group(TyperGroup):
    """A group that says which command a mistyped one is nearest to."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that is named."""
        word = args[0]
        if not word.startswith("-") and self.get_command(ctx, word) is None:
            ctx.fail(f"no command {brief(word)}: {did_you_mean(word, self.commands)}")
        return super().resolve_command(ctx, args)


class Root(Group):
    """The group of all commands: each has room on the disk, and can be interrupted."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command.

        Raises:
            SluiceError: what a person can mend.
        """
        settings, typed = Settings.from_env(), " ".join([*ctx._protected_args, *ctx.args])
        try:
            with disk.retrying_when_full(_word(ctx), settings.var):
                return super().invoke(ctx)
        except (KeyboardInterrupt, Exception) as error:
            if not any(map(_is_interruption, _behind(error))):
                raise
            typer.echo(STOPPED_PLAYING if typed.startswith(PLAYED) else STOPPED, err=True)
            raise typer.Exit(130) from None


def _behind(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and those in whose course it came: tidying up may fail where a query was interrupted."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_interruption(error: BaseException) -> bool:
    return isinstance(error, KeyboardInterrupt) or str(error) == BY_DUCKDB


def _word(ctx: Any) -> str:
    """The command as it was typed, for a message about the disk."""
    return str(next(iter([*ctx._protected_args, *ctx.args]), ctx.info_name))
