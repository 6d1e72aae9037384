"""A metric is told once: whoever adds one finds it in the schema, the documents, the tables and on the card."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from pipelines.storage.settings import ROOT
from tests.helpers import tiny

# In a process of its own, since the schema is made when the facts of use cases are imported.
ADDED = dedent(
    """
    import json
    import sys
    from datetime import date
    from pathlib import Path

    import duckdb
    import numpy as np

    from pipelines.core import metrics

    off = metrics.Metric(
        name="off",
        task="binary",
        meaning="how far the mean score lies from the mean label",
        needs="probability",
        on_arrays=lambda truth, score, _: float(abs(score.mean() - truth.mean())),
        by=metrics.Sum(
            lambda truth, score, _, __: [score - truth, np.ones(len(truth))],
            lambda sums: float(abs(sums[0] / sums[1])),
        ),
    )
    metrics.EVERY = (*metrics.EVERY, off)

    from pipelines import tasks
    from pipelines.core.use_cases import json_schema
    from pipelines.metrics import bootstrap, metrics as measured, metrics_stream
    from pipelines.metrics.scored import Scored
    from pipelines.run.run import Run
    from pipelines.storage.settings import Settings
    from scripts import docs

    root = Path(sys.argv[1])
    mlflow = f"sqlite:///{root}/var/mlflow.db"
    places = {name: root / name for name in ("data", "use_cases", "var")}
    settings = Settings(**places, mlflow=mlflow, mirror=None)
    run = Run.open("tiny", "training", date(2026, 1, 31), settings)
    tasks.way(run)
    y, score = np.array([0.0, 1.0] * 20), np.linspace(0, 1, 40)
    rows = duckdb.connect().from_df(__import__("pandas").DataFrame({"label": y, "score": score}))
    scores = run.task().store.read("scores").filter("metric = 'off' AND slice = 'all'")
    print(json.dumps({
        "schema": json_schema(),
        "documents": docs.reference(),
        "on arrays": measured.measure("off", y, score),
        "streamed": metrics_stream.measure(rows, "binary")["off"].value,
        "drawn": len(bootstrap.draw(["off"], y, [Scored("m", score)], np.arange(40))["m"]["off"]),
        "scores": scores.project("challenger, challenger_low, challenger_high").fetchall(),
        "card": (run.store.disk / "reports" / "evaluate.html").read_text(),
    }))
    """
)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path) -> dict[str, Any]:
    """What a process finds that has one metric more, by which a training has gone."""
    root = tmp_path_factory.mktemp("off")
    for folder in ("use_cases", "var"):
        (root / folder).mkdir()
    text = tiny.YAML
    assert "name: aucpr" in text
    (root / "use_cases" / "tiny.yaml").write_text(text.replace("name: aucpr", "name: off"))
    shutil.copy(mlflow_database, root / "var" / "mlflow.db")
    ran = subprocess.run(
        [sys.executable, "-c", ADDED, str(root)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    result: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return result


def test_the_schema_and_the_documents_have_it(found: dict[str, Any]) -> None:
    assert '"off"' in found["schema"]
    assert "`asymmetric`, `off`" in found["documents"]


def test_its_three_ways_agree(found: dict[str, Any]) -> None:
    assert found["streamed"] == pytest.approx(found["on arrays"], abs=1e-12)
    assert found["drawn"] == 1000


def test_a_training_goes_by_it_and_the_scores_have_it_with_its_interval(found: dict[str, Any]) -> None:
    ((value, low, high),) = found["scores"]
    assert low <= value <= high


def test_the_card_says_what_it_means(found: dict[str, Any]) -> None:
    assert "how far the mean score lies from the mean label" in found["card"]
