"""What Airflow's tasks find imported already, and what a gate needs beside it."""

from __future__ import annotations

import configparser
import subprocess
import sys

from pipelines.settings import ROOT


def imported_by(code: str) -> tuple[set[str], int]:
    """The modules that some code imports in a process of its own, and how many objects the garbage collector ignores there."""
    told = f"{code}\nimport gc, sys\nprint('told', gc.get_freeze_count(), *sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True)
    _, frozen, *modules = done.stdout.splitlines()[-1].split()
    return set(modules), int(frozen)


def test_the_forkserver_has_the_heavy_libraries_and_hides_them_from_the_garbage_collector() -> None:
    cfg = configparser.RawConfigParser()
    cfg.read(ROOT / "airflow.cfg")
    preloaded = cfg["core"]["mp_forkserver_preload"].split(",")
    modules, frozen = imported_by(f"import {', '.join(preloaded)}")
    assert {"airflow.sdk", "duckdb", "great_expectations", "mlflow.onnx", "onnxruntime", "pandas", "sklearn.pipeline"} <= modules
    assert "evidently" not in modules
    assert frozen > 100_000
    # Sluice's own code is read anew by each task.
    assert {module for module in modules if module.startswith(("pipelines", "sluice_airflow"))} == {"pipelines", "pipelines.preload"}


def test_a_step_imports_hardly_anything_that_is_not_there_already() -> None:
    steps = "ingest, cleanse, features, tune, evaluate, export, parity, promote, score, publish"
    before, _ = imported_by("import airflow.sdk, pipelines.preload")
    after, _ = imported_by(
        f"import airflow.sdk, pipelines.preload\nfrom pipelines import {steps}\nfrom pipelines.gates import data_docs, judge"
    )
    new = {module.split(".")[0] for module in after - before} - sys.stdlib_module_names
    assert new - {module.split(".")[0] for module in before} <= {"filelock"}


def test_a_gate_needs_no_library_of_models() -> None:
    modules, _ = imported_by("from pipelines.gates import data_docs, judge")
    assert "great_expectations" in modules
    assert not {module.split(".")[0] for module in modules} & {
        "mlflow",
        "sklearn",
        "xgboost",
        "evidently",
        "onnx",
        "onnxruntime",
        "dvc",
        "skops",
    }
