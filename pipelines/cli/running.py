"""run, backfill: partitions on their way."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from pipelines.cli import asked
from pipelines.core.config import Model

Champion = Annotated[
    Literal["then", "now"],
    typer.Option(
        help="then: the champion of each night's own morning, into its predictions; now: today's champion,"
        " into what_if/ beside them"
    ),
]


def run(
    use_case: asked.UseCase,
    kind: asked.KindOfRun,
    partition: asked.Partition,
    model_version: Annotated[
        str | None, typer.Option(help="score with this version instead of the champion")
    ] = None,
    model: Annotated[
        Model,
        typer.Option(
            help="a training: search for a model, or keep the one that serves, and learn its calibration and"
            " threshold alone"
        ),
    ] = "search",
) -> None:
    """Run one partition: each step, then its gate; the first red gate ends it."""
    settings = asked.settings_of(use_case)
    day = asked.partition(settings, use_case, partition)
    from pipelines import runner
    from pipelines.core import people
    from pipelines.run.run import Run

    runner.run_all(
        Run.open(
            use_case, kind, day, settings, model_version=model_version, asked_by=people.user(), model=model
        )
    )


def backfill(
    use_case: asked.UseCase,
    first: Annotated[str, typer.Argument(help="the first night, as YYYY-MM-DD")],
    last: Annotated[str, typer.Argument(help="the last night")],
    champion: Champion = "then",
) -> None:
    """Run the nights of some days again: by the champion of each night's morning, or of now."""
    settings = asked.settings_of(use_case)
    days = asked.partitions(settings, use_case, first, last)
    from pipelines.commands import backfill

    asked.print_lines(backfill.backfill(use_case, days, champion, settings))
