"""What Airflow's tasks find imported already, and what a gate needs beside it."""

from __future__ import annotations

import configparser
import subprocess
import sys

from pipelines.storage.settings import ROOT


def imported_by(*codes: str) -> tuple[list[set[str]], int]:
    """What a process of its own has imported after each piece of code, and how many objects the garbage
    collector ignores there.
    """
    told = "\n".join(f"{code}\nprint('told', *sys.modules)" for code in codes)
    code = f"import gc, sys\n{told}\nprint('frozen', gc.get_freeze_count())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    lines = [line.split() for line in done.stdout.splitlines()]
    return [set(words) for first, *words in lines if first == "told"], int(lines[-1][-1])


def test_tasks_find_the_heavy_libraries_which_the_garbage_collector_does_not_see_and_import_hardly_anything_else() -> (
    None
):
    cfg = configparser.RawConfigParser()
    cfg.read(ROOT / "airflow.cfg")
    preloaded = cfg["core"]["mp_forkserver_preload"].split(",")
    steps = "ingest, cleanse, features, tune, evaluate, export, promote, score, publish"
    (before, after), frozen = imported_by(
        f"import {', '.join(preloaded)}",
        f"from pipelines.steps import {steps}\nfrom pipelines.gates import gate",
    )
    assert {
        "airflow.sdk",
        "duckdb",
        "great_expectations",
        "mlflow.onnx",
        "onnxruntime",
        "pandas",
        "sklearn.pipeline",
    } <= before
    assert "evidently" not in before
    assert frozen > 100_000
    # Sluice's own code is read anew by each task.
    assert {module for module in before if module.startswith(("pipelines", "sluice_airflow"))} == {
        "pipelines",
        "pipelines.commands",
        "pipelines.commands.preload",
    }
    libraries = {module.split(".")[0] for module in after - before} - sys.stdlib_module_names
    assert libraries - {module.split(".")[0] for module in before} <= {"filelock"}


def test_a_gate_needs_no_library_of_models() -> None:
    (modules,), _ = imported_by("from pipelines.gates import gate")
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
