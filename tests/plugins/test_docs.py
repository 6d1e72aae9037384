"""The pages of documentation say the use case's facts and a function's first paragraph."""

from __future__ import annotations

from pathlib import Path

from pipelines.core.use_cases import parse
from sluice_airflow import docs
from tests.helpers import tiny


def test_a_dags_page_holds_its_docstring_and_the_facts() -> None:
    use_case = parse(Path(f"{tiny.NAME}.yaml"), tiny.YAML.encode()).use_case
    page = docs.of_dag("\n    What it does.\n\n    And more.\n    ", use_case)
    assert page.startswith(f"**{use_case.title}**\n\nWhat it does.\n\nAnd more.\n\n| | |")
    assert f"| Features | {', '.join(use_case.features.names)} |" in page
    assert f"| Use-case file | `{tiny.NAME}.yaml` |" in page


def test_a_tasks_page_is_the_first_paragraph() -> None:
    def function() -> None:
        """Do one thing,
        in two lines.

        Then another.
        """

    assert docs.of_task(function) == "Do one thing, in two lines."
