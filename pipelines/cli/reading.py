"""read: the rows of a table over some partitions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import asked
from pipelines.core.config import Kind
from pipelines.core.errors import BadInput

ROWS = 20  # that are shown


def read(
    use_case: asked.UseCase,
    table: Annotated[
        str, typer.Argument(help="predictions, features, clean, quarantine, drift, performance, ...")
    ],
    first: Annotated[str, typer.Option("--from", help="the first partition, a day as YYYY-MM-DD")],
    last: Annotated[str, typer.Option("--to", help="the last partition")],
    kind: Annotated[
        Kind | None, typer.Option(help="of which runs, where several have such a table; nights by default")
    ] = None,
    into: Annotated[
        Path | None, typer.Option(help="write all rows into this new file: .parquet, .csv or .jsonl")
    ] = None,
    as_json: Annotated[
        bool, typer.Option(asked.AS_JSON, help="print all rows, a JSON object a line")
    ] = False,
    paths: Annotated[bool, typer.Option("--paths", help="print where the published parts lie")] = False,
    personal: Annotated[bool, typer.Option("--personal", help="do not mask personal values")] = False,
) -> None:
    """Read what is published and let through by its gate; what is closed or missing is told beside."""
    settings = asked.settings_of(use_case)
    from pipelines.commands.read import read
    from pipelines.storage import exported
    from pipelines.storage.session import Session

    _require_one_form(into, as_json, paths)
    if into is not None:
        exported.require_free(into)
    found = read(settings, use_case, table, first, last, kind)
    if paths and found.personal and not personal:
        raise BadInput(
            f"these parts hold personal values as they are: {', '.join(sorted(found.personal))}",
            where=f"{use_case} {table}",
            fix="say --personal, if whoever reads them may see those",
        )
    typer.echo(found.told(masked=not personal), err=True)
    if paths:
        asked.print_lines(place for each in found.open for place in each.part_places())
        return
    connection = Session().connection(found.use_case.limits.memory)
    if into is not None:
        exported.write(into, found.relation(connection, personal))
    elif as_json:
        exported.json_lines(found.relation(connection, personal), typer.get_binary_stream("stdout"))
    else:
        typer.echo(_printable(str(found.relation(connection, personal, ROWS).limit(ROWS))))


def _require_one_form(into: Path | None, as_json: bool, paths: bool) -> None:
    asked_for = [
        word for word, said in (("--into", into is not None), ("--json", as_json), ("--paths", paths)) if said
    ]
    if len(asked_for) > 1:
        raise BadInput(f"{' and '.join(asked_for)} exclude one another", fix="name one of them")


def _printable(text: str) -> str:
    """A table as DuckDB draws it, without signs that take hold of a terminal."""
    return "".join(sign if sign.isprintable() or sign == "\n" else f"\\u{ord(sign):04x}" for sign in text)
