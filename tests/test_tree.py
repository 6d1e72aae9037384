"""tests/ mirrors pipelines/ and plugins/: each module that does something has its test file, or stands here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from pipelines.storage.settings import ROOT

# Modules -> the test that goes through all of them, and why not each by itself.
ELSEWHERE = {
    # A use-case file is refused with all its mistakes at once, whichever part of it they are in.
    "pipelines/core/config/*": "tests/core/test_use_cases.py",
    # Metrics agree with scikit-learn's, whosever labels they are of.
    "pipelines/core/*metric*": "tests/metrics/test_metrics.py",
    # A delivery is taken or refused by all of its readers together: what is delivered, and the rows or the sentence.
    "pipelines/sources/*": "tests/sources/test_cases.py",
    # A command is told from its arguments and its answer, however it comes about.
    "pipelines/cli/*": "tests/cli/test_answers.py",
    # What is read of a table is told by its rows, whoever has found them.
    "pipelines/commands/read/*": "tests/commands/read/test_read.py",
    "pipelines/storage/exported": "tests/cli/test_reading.py",
    # A kind of damage is good for what the gates say of it.
    "pipelines/commands/selftest/*": "tests/commands/selftest/test_damages.py",
    # A world is good for what is planted in it, and a scratch folder for what is played there.
    "pipelines/commands/monitor/worlds": "tests/commands/monitor/test_life.py",
    "pipelines/commands/rehearse/played": "tests/commands/rehearse/test_life.py",
    "pipelines/commands/rehearse/told": "tests/commands/rehearse/test_life.py",
    # A gate's verdict comes of all that is asked of a table, on tables that are damaged in one way each.
    "pipelines/gates/*": "tests/gates/test_judge.py",
    # A whole step, or a whole training, whose parts hand on one object.
    "pipelines/evaluation/*": "tests/steps/test_evaluate.py",
    "pipelines/monitoring/*": "tests/steps/test_drift.py",
    "pipelines/steps/week": "tests/steps/test_drift.py",
    "pipelines/steps/labelled_nights": "tests/steps/test_retraining.py",
    "pipelines/commands/acknowledge": "tests/steps/test_retraining.py",
    "pipelines/steps/past": "tests/steps/test_cleanse.py",
    "pipelines/reports/pictures": "tests/reports/test_card.py",
    "pipelines/reports/drift_page": "tests/steps/test_drift.py",
    "pipelines/reports/performance_part": "tests/steps/test_drift.py",
    "pipelines/preflight/check_*": "tests/preflight/test_check.py",
    "pipelines/preflight/begin": "tests/registry/test_definitions.py",
    "pipelines/composition/keeping": "tests/steps/test_kept_model.py",
    "pipelines/run/archive": "tests/registry/test_definitions.py",
    # Two ways of the same, to the bit.
    "pipelines/core/events_in_*": "tests/core/test_events.py",
    "pipelines/core/repair": "tests/steps/test_cleanse.py",
    "pipelines/core/row_rules": "tests/steps/test_cleanse.py",
    "pipelines/core/sql_tree": "tests/core/test_sql.py",
    "pipelines/core/zones": "tests/core/test_calendar.py",
    # What is told once, as an object, is proven by a toy of its kind that is added to a real training.
    **dict.fromkeys(
        (f"pipelines/core/{objects}" for objects in ("metrics", "policies", "families", "tasks")),
        "tests/test_one_object.py",
    ),
    "pipelines/core/stakes": "tests/metrics/test_metrics.py",
    "pipelines/metrics/scored": "tests/metrics/test_bootstrap.py",
    "pipelines/run/run": "tests/run/test_clearance.py",
    "pipelines/run/lineage": "tests/plugins/test_lineage.py",
    "pipelines/run/others": "tests/test_other_sources.py",
    "pipelines/runner": "tests/test_flow.py",
    "pipelines/commands/check": "tests/cli/test_answers.py",
    "pipelines/commands/replay*": "tests/commands/test_quarantine.py",
    "pipelines/commands/reproduce": "tests/commands/test_champions.py",
    "pipelines/registry/holdout_overlap": "tests/commands/test_champions.py",
    "pipelines/registry/approval": "tests/plugins/test_approval.py",
    "pipelines/registry/dvc_root": "tests/registry/test_snapshot.py",
    "pipelines/registry/mlflow_database": "tests/test_made_once.py",
    # Engines, ensembles and trials give the same scores, to the bit, as the plain way beside them.
    "pipelines/model/engine*": "tests/model/test_engines.py",
    "pipelines/model/ensembles": "tests/model/test_growth.py",
    # Both places, disk and bucket, keep the same promises.
    "pipelines/storage/backends/*": "tests/storage/test_places.py",
    # A store is asked and written to as a whole.
    **dict.fromkeys(
        (
            f"pipelines/storage/{part}"
            for part in ("drafts", "notes", "published", "reader", "record", "session")
        ),
        "tests/storage/test_store.py",
    ),
    # What Airflow makes of a DAG is seen in a DAG.
    "plugins/sluice_airflow/dags": "tests/dags/test_dags.py",
    "plugins/sluice_airflow/ways": "tests/dags/test_dags.py",
    "plugins/sluice_airflow/mlflow_runs": "tests/plugins/test_operators.py",
    "plugins/sluice_airflow/storage": "tests/dags/test_bucket.py",
}


def doing() -> Iterator[Path]:
    """The modules that do something: facts and types alone have nothing to test."""
    for path in sorted([*(ROOT / "pipelines").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]):
        does = any(isinstance(node, ast.FunctionDef) for node in ast.walk(ast.parse(path.read_text())))
        if path.name != "__init__.py" and does:
            yield path.relative_to(ROOT)


def has_test(module: Path) -> bool:
    folder = "plugins" if module.parts[0] == "plugins" else Path(*module.parent.parts[1:])
    return (ROOT / "tests" / folder / f"test_{module.stem}.py").is_file()


def elsewhere(module: Path) -> list[str]:
    name = module.with_suffix("").as_posix()
    return [stated for stated in ELSEWHERE if fnmatch(name, stated)]


UNTESTED = [module for module in doing() if not has_test(module)]


def test_each_module_has_its_test_file_in_the_same_folder_or_is_tested_elsewhere_on_purpose() -> None:
    assert [str(module) for module in UNTESTED if not elsewhere(module)] == []


def test_what_is_tested_elsewhere_is_there_and_has_no_test_of_its_own() -> None:
    assert [test for test in ELSEWHERE.values() if not (ROOT / test).is_file()] == []
    assert set(ELSEWHERE) - {stated for module in UNTESTED for stated in elsewhere(module)} == set()
