"""check, fetch, schema: what can be had without a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from pipelines.cli import asked
from pipelines.core import use_cases
from pipelines.core.errors import SluiceError
from pipelines.storage.settings import Settings

if TYPE_CHECKING:
    from pipelines.commands.check import Checked


def check(use_case: asked.AnyUseCase = None, as_json: asked.AsJson = False) -> None:
    """Tell all mistakes of use-case files, with their lines: keys, SQL, leaks, grids, expectations."""
    from pipelines.commands import check

    settings = Settings.from_env()
    found = []
    for name in asked.chosen(use_case, settings):
        found.append(check.check(name, settings))
        if found[-1].good and not as_json:
            typer.echo(str(found[-1]))
    if as_json:
        asked.print_json(list(map(_answer, found)))
    asked.fail([one.error for one in found if one.error])


def _answer(found: Checked) -> dict[str, object]:
    return {
        "use_case": found.use_case,
        "file": found.file,
        "good": found.good,
        "mistakes": [{"line": line, "mistake": sentence} for line, sentence in found.mistakes],
        "waiting": found.waiting,
        "message": str(found),
        "error": found.error and found.error.as_json(),
    }


def fetch(use_case: asked.AnyUseCase = None) -> None:
    """Fetch the public data of a use case, or of all, into the cache, checked by sha256."""
    settings = Settings.from_env()
    wrong = []
    for name in asked.chosen(use_case, settings):
        try:
            loaded = use_cases.load(settings.use_cases, name)
            from pipelines.steps import ingest

            fetched = ", ".join(map(str, ingest.fetch(loaded.use_case, settings)))
            typer.echo(f"{name}: {fetched or 'nothing to fetch'}")
        except SluiceError as error:  # it costs no other use case its data
            wrong.append(error)
    asked.fail(wrong)


def schema() -> None:
    """Print the JSON schema of use-case files, for editors."""
    typer.echo(use_cases.json_schema(), nl=False)
