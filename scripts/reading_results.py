"""docs/reading-results.md: how predictions and other tables are read, made of the command's own words and of
the lines that tests/commands/read/test_lines.py runs.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer

import pipelines
from pipelines.cli.app import app
from tests.commands.read import lines

HEAD = """# Reading results

A glob over the folder of a table also finds what a closed gate holds back, older revisions, and drafts. `sluice read`, and `read` in
a notebook, give the rows of those partitions alone whose gates have let through the very table that is there now; which nights were
closed, and by which gate, and which are missing, is told beside (on standard error; in a notebook it is logged).

- The rows come partition by partition, each in its own order, with a column `partition` where the table has none. A column that came
  later is missing before; one that changed from a number to a text is refused.
- Personal values are masked. Where any column is personal, `quarantine` shows no row's content, but the reasons.
- Tables: those that have a gate (`predictions`, `features`, `clean`, `raw`, `past`, `drift`, `scores`, ...; of another source
  `sources/<name>`), what a gate judges besides (`performance`, `outcomes`, `diagnosis`, `days`), and `quarantine` and `drift_days`, by the
  gate of what the same step makes. Rows of a closed night are for its gate's page, `trace` and `quarantine show`, and never among results.
- Memory is flat at any number of rows. From a bucket the parts are brought to this machine, into a folder that goes with the process.

This page is made from `pipelines/cli/reading.py` and `tests/commands/read/lines.py` by `make docs`.
"""


def page() -> str:
    """The document."""
    python = "".join(f"\n{title}:\n\n```python{text}```\n" for title, text in lines.PYTHON.items())
    return "".join(
        [
            HEAD,
            f"\n## In a notebook\n{python}\n",
            _paragraphs(pipelines.read.__doc__),
            f"\n## In a shell\n\n```bash{lines.SHELL}```\n\n",
            "| option | what it does |\n| --- | --- |\n",
            *_options(),
            "\n`--paths` is for readers without Sluice, such as DuckDB of another machine: a path a line. They compare no checksum, and",
            " see what was published when it was asked:\n",
            f"\n```python{lines.WITHOUT_SLUICE}```\n",
        ]
    )


def _options() -> Iterator[str]:
    command: Any = typer.main.get_command(app)
    for one in command.commands["read"].params:
        shown = one.opts[0] if one.opts[0].startswith("-") else f"<{one.name}>"
        yield f"| `{shown}` | {one.help} |\n"


def _paragraphs(doc: str | None) -> str:
    """A docstring as a list of its arguments behind its text."""
    text = inspect.cleandoc(doc or "")
    before, _, rest = text.partition("\nArgs:\n")
    arguments = inspect.cleandoc(rest.partition("\nRaises:")[0]).splitlines()
    told = "".join(
        f"- `{name}`: {what.strip()}\n"
        for name, _, what in (line.partition(":") for line in arguments)
        if what
    )
    return f"{before.strip()}\n\n{told}"
