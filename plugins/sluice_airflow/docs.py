"""The pages of documentation in Airflow's UI, made from docstrings and the use-case file."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from pipelines.core.config import UseCase


def of_dag(text: str | None, use_case: UseCase) -> str:
    """The DAG file's docstring, and beneath it the facts of the use case."""
    facts = {
        "Data": f"{use_case.source.kind} source; labels are known after {use_case.label.delay_days} days",
        "Features": ", ".join(use_case.features.names),
        "Candidates": ", ".join(use_case.candidates.families),
        "Metric": use_case.metric.name,
        "Training takes": f"{use_case.split.window_days} days of labelled rows",
        "Use-case file": f"`{use_case.name}.yaml`",
    }
    rows = "\n".join(f"| {name} | {value} |" for name, value in facts.items())
    return f"**{use_case.title}**\n\n{inspect.cleandoc(text or '')}\n\n| | |\n| --- | --- |\n{rows}\n"


def of_task(function: Callable[..., Any]) -> str:
    """The first paragraph of a function's docstring."""
    return " ".join((inspect.getdoc(function) or "").split("\n\n")[0].split())
