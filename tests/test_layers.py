"""Who may import whom beside the contract of layers in pyproject.toml, and what a DAG file reads must be
light.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.storage.settings import ROOT

HEAVY = {
    "pandas",
    "numpy",
    "pyarrow",
    "duckdb",
    "sklearn",
    "xgboost",
    "mlflow",
    "dvc",
    "great_expectations",
    "evidently",
    "onnx",
    "onnxruntime",
    "skl2onnx",
    "matplotlib",
}
WIRING = (
    "core.config",
    "core.use_cases",
    "core.dates",
    "core.errors",
    "storage.settings",
    "storage.store",
    "run.run",
    "run.plan",
    "run.lineage",
    "flow",
    "runner",
)


def imported(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("path", files("pipelines"), ids=lambda path: str(path.relative_to(ROOT)))
def test_pipelines_knows_no_airflow(path: Path) -> None:
    assert not {
        name
        for name in imported(path)
        if name.split(".")[0] in ("airflow", "plugins", "dags", "sluice_airflow")
    }


@pytest.mark.parametrize(
    "path", [*files("plugins"), *files("dags")], ids=lambda path: str(path.relative_to(ROOT))
)
def test_dags_and_plugins_know_no_library_of_data(path: Path) -> None:
    assert not {name.split(".")[0] for name in imported(path)} & (HEAVY - {"mlflow"})


@pytest.mark.parametrize("path", files("dags"), ids=lambda path: str(path.relative_to(ROOT)))
def test_dags_know_no_mlflow_either(path: Path) -> None:
    assert "mlflow" not in {name.split(".")[0] for name in imported(path)}


def test_importing_the_wiring_loads_no_heavy_library() -> None:
    code = (
        f"import sys; import {', '.join(f'pipelines.{name}' for name in WIRING)}; print(*sorted({HEAVY!r} &"
        " set(sys.modules)))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []


# As the champion has learned them, rows are made anew by all of the steps; labels that have matured since are
# ingested and cleansed for the week's report, which decides by what its nights hold beside them; and the past is
# cleansed by the rules of clean.
APART = ("__init__", "as_learned", "labelled_nights", "outcomes", "past", "retraining", "week")
STEPS = sorted(path.stem for path in files("pipelines/steps") if path.stem not in APART)


@pytest.mark.parametrize("step", STEPS)
def test_no_step_calls_another(step: str) -> None:
    others = {f"pipelines.steps.{other}" for other in STEPS if other != step}
    assert {
        name
        for name in imported(ROOT / "pipelines/steps" / f"{step}.py")
        if name in others or name.rpartition(".")[0] in others
    } == set()


def test_only_the_store_writes_a_runs_files() -> None:
    writers = {"write_text", "write_bytes", "to_parquet", "to_csv", "write_table"}
    found = {
        f"{path.relative_to(ROOT)}: {node.func.attr}"
        for path in files("pipelines")
        # A snapshot is DVC's, and files of a source, a scratch folder or the self-test are no run's.
        if path.name not in ("snapshot.py", "scratch.py")
        and not {"storage", "sources", "selftest"} & set(path.parts)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in writers
    }
    assert found == set()
