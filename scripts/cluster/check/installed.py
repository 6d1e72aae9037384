"""Commands and settings, asked of the installed Airflow and MLflow: does this very version know them?"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pipelines.core.errors import did_you_mean
from scripts.cluster import compose
from scripts.cluster.check.settings import placeholders
from scripts.cluster.compose import Service

BOOLEANS = {"true": True, "false": False, "t": True, "f": False, "1": True, "0": False}
TYPES: dict[str, Callable[[str], object]] = {
    "integer": int,
    "float": float,
    "boolean": lambda value: BOOLEANS[value.lower()],
}
# Settings that Airflow reads and leaves out of its reference -> where it reads them.
UNDOCUMENTED = {("scheduler", "num_stuck_in_queued_retries"): "airflow.jobs.scheduler_job_runner"}


def mistakes(document: dict[str, Any]) -> Iterator[str]:
    """Everything that is wrong, a sentence each."""
    given = placeholders(document)
    for name in document["services"]:
        service = compose.service(document, name, given)
        for mistake in (*_command(service), *_airflow_settings(service), *_mlflow_settings(service)):
            yield f"{name}: {mistake}"


def _command(service: Service) -> Iterator[str]:
    if not service.ours:
        return  # another image's: not installed here
    command = service.command
    while command[:2] == ["python", "-m"]:
        if find_spec(command[2]) is None:
            yield f"there is no module {command[2]}"
        command = command[3:]
    if command[:1] == ["airflow"]:
        yield from _airflow_command(command[1:])
    elif command[:1] == ["mlflow"]:
        yield from _mlflow_command(command[1:])


def _airflow_command(arguments: list[str]) -> Iterator[str]:
    # Which commands there are depends on these two: their providers bring some along.
    os.environ["AIRFLOW__CORE__EXECUTOR"] = "CeleryExecutor"
    os.environ["AIRFLOW__CORE__AUTH_MANAGER"] = (
        "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
    )
    from airflow.cli.cli_parser import get_parser

    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            get_parser().parse_args(arguments)
    except SystemExit:
        reason = [line for line in said.getvalue().splitlines() if "error:" in line]
        yield (
            f"the installed Airflow does not know `airflow {' '.join(arguments)}`:"
            f" {reason[-1] if reason else 'no such command'}"
        )


def _mlflow_command(arguments: list[str]) -> Iterator[str]:
    import click
    from mlflow.cli import cli

    try:
        with cli.make_context("mlflow", list(arguments)) as context:
            name, command, rest = cli.resolve_command(context, list(arguments))
            command.make_context(name, rest, parent=context)
    except click.ClickException as error:
        yield f"the installed MLflow does not know `mlflow {' '.join(arguments)}`: {error.format_message()}"


def _airflow_settings(service: Service) -> Iterator[str]:
    from airflow.configuration import conf

    sections = conf.configuration_description
    for variable, value in service.environment.items():
        if not variable.startswith("AIRFLOW__"):
            continue
        section, _, key = variable.removeprefix("AIRFLOW__").lower().partition("__")
        options = sections.get(section, {}).get("options")
        if options is None:
            yield f"{variable}: the installed Airflow has no section [{section}]; {did_you_mean(section, sections)}"
        elif (section, key) in UNDOCUMENTED:
            yield from _still_read(variable, key, UNDOCUMENTED[section, key])
        elif key not in options:
            yield f"{variable}: the installed Airflow has no {key!r} in [{section}]; {did_you_mean(key, options)}"
        else:
            yield from _typed(variable, value, options[key].get("type"))


def _still_read(variable: str, key: str, module: str) -> Iterator[str]:
    spec = find_spec(module)
    if spec is None or spec.origin is None or f'"{key}"' not in Path(spec.origin).read_text(encoding="utf-8"):
        yield f"{variable}: the installed Airflow no longer reads {key!r} in {module}"


def _typed(variable: str, value: str, kind: str | None) -> Iterator[str]:
    try:
        TYPES.get(kind or "", str)(value)
    except (ValueError, KeyError):
        yield f"{variable} is {value!r}; Airflow wants {kind}"


def _mlflow_settings(service: Service) -> Iterator[str]:
    import mlflow.environment_variables
    from mlflow.cli import server

    known = {name for name in vars(mlflow.environment_variables) if name.startswith("MLFLOW_")}
    known |= {str(option.envvar) for option in server.params if option.envvar}
    for variable in service.environment:
        if variable.startswith("MLFLOW_") and variable not in known:
            yield f"{variable}: the installed MLflow knows no such variable; {did_you_mean(variable, known)}"
