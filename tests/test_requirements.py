"""requirements.in names what Sluice imports, requirements-dev.in what the rest of scripts/ does besides; and
neither names anything else, but what is used without an import.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from pipelines.storage.settings import ROOT

# What the image holds, and so may import nothing that only a developer has.
SHIPPED = ("pipelines", "plugins", "dags", "include", "scripts/cluster")
FOLDERS = (*SHIPPED, "scripts", "tests", "benchmarks")
OWN = {
    "pipelines",
    "include",
    "scripts",
    "tests",
    "benchmarks",
    "sluice_airflow",
    "sluice_plugin",
    "what_is_read",
}
USED_BY_NAME = {
    "apache-airflow-providers-celery": "AIRFLOW__CORE__EXECUTOR",
    "apache-airflow-providers-postgres": "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
    "boto3-stubs": "types",
    "check-jsonschema": "a command, of make compose-check",
    "flask-wtf": "mlflow server --app-name basic-auth",
    "honcho": "a command, of make up",
    "import-linter": "a command, of make check",
    "mypy": "a command, of make check",
    "pandas-stubs": "types",
    "pip-audit": "a command, of make audit",
    "pytest-timeout": "a plugin of pytest",
    "pytest-xdist": "a plugin of pytest",
    "ruff": "a command, of make check",
    "setuptools": "the backend in pyproject.toml",
    "types-pyyaml": "types",
    "xgboost": "xgboost-cpu elsewhere than on Linux",
}
# Types alone, and what benchmarks compare with, which is installed for that.
NOT_NEEDED = {"mypy-boto3-s3", "polars"}


def declared(name: str) -> set[str]:
    lines = (ROOT / name).read_text().splitlines()
    return {canonical(found[0]) for line in lines if (found := re.match(r"[\w.-]+", line)) and line[0] != "-"}


def canonical(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def imported(*folders: str) -> set[str]:
    """The distributions that files import: of several that share a package, the one that is declared."""
    of, known = packages_distributions(), declared("requirements.in") | declared("requirements-dev.in")
    found = set()
    for path in {path for folder in folders for path in (ROOT / folder).rglob("*.py")}:
        for module in imports(path):
            package, _, rest = module.partition(".")
            if package in sys.stdlib_module_names or package in OWN:
                continue
            if package == "airflow":
                provider = re.match(r"providers\.(\w+)", rest)
                found.add(f"apache-airflow-providers-{provider[1]}" if provider else "apache-airflow")
            else:
                holders = {canonical(name) for name in of.get(package, [package])}
                found |= holders & known or holders
    return found


def test_what_the_image_holds_imports_only_what_requirements_in_names() -> None:
    assert imported(*SHIPPED) - declared("requirements.in") - NOT_NEEDED == set()


def test_scripts_import_only_what_is_named() -> None:
    named = declared("requirements.in") | declared("requirements-dev.in")
    assert imported("scripts") - named - NOT_NEEDED == set()


def test_what_is_named_is_imported_or_used_by_name() -> None:
    assert declared("requirements.in") - imported(*SHIPPED) - set(USED_BY_NAME) == set()
    assert declared("requirements-dev.in") - imported(*FOLDERS) - set(USED_BY_NAME) == set()


def test_what_is_used_by_name_is_named_and_not_imported() -> None:
    named = declared("requirements.in") | declared("requirements-dev.in")
    assert set(USED_BY_NAME) - (named - imported(*FOLDERS)) == set()
