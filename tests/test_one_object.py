"""A metric, a policy, a family and a task are told once: whoever adds one finds it in the schema, the documents,
the tables and on the card.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml

from pipelines.storage.settings import ROOT
from tests.helpers import tiny

# In a process of its own, since the schema is made when the facts of use cases are imported.
ADDED = dedent(
    """
    import json
    import sys
    from dataclasses import replace
    from datetime import date
    from pathlib import Path
    from typing import Literal

    import duckdb
    import numpy as np

    from pipelines.core import families, metric, metrics, policies, tasks

    off = metric.Metric(
        name="off",
        task="binary",
        meaning="how far the mean score lies from the mean label",
        needs="probability",
        on_arrays=lambda truth, score, _: float(abs(score.mean() - truth.mean())),
        by=metric.Sum(
            lambda truth, score, _, __: [score - truth, np.ones(len(truth))],
            lambda sums: float(abs(sums[0] / sums[1])),
        ),
    )
    metrics.EVERY = (*metrics.EVERY, off)

    class MostCorrect(policies.Policy):
        \"""The most decisions that are right, as rows with a label tell.\"""

        meaning = "the most decisions that are right, {at_least} rows or more"

        policy: Literal["most_correct"]
        at_least: int

        def best(self, points):
            right = points.tp + points.fp.max() - points.fp
            if right.max() < self.at_least:
                raise policies.Unreachable(f"{right.max():g} decisions are right at most", where="threshold", fix="less")
            return int(right.argmax())

    policies.EVERY = (*policies.EVERY, MostCorrect)

    def extra_trees(seed):
        from sklearn.ensemble import ExtraTreesClassifier

        return ExtraTreesClassifier(n_jobs=1, random_state=seed)

    trusted = ("sklearn.tree._tree.Tree",)
    extra = families.Family("extra", {"binary": extra_trees}, trusted=trusted)

    def deviance(truth, score, *_):
        return 2 * (np.where(truth > 0, truth * np.log(np.where(truth > 0, truth, 1) / score), 0) - truth + score)

    of_counts = metric.Metric(
        name="deviance",
        task="count",
        meaning="mean Poisson deviance",
        needs="number",
        on_arrays=lambda *rows: float(deviance(*rows).mean()),
        by=metric.Sum(
            lambda *rows: [deviance(*rows), np.ones(len(rows[0]))], lambda sums: float(sums[0] / sums[1])
        ),
    )
    metrics.EVERY = (*metrics.EVERY, of_counts)

    def poisson(seed):
        from xgboost import XGBRegressor

        return XGBRegressor(objective="count:poisson", n_jobs=1, random_state=seed)

    boosted = families.named("xgboost")
    counting = replace(boosted, models={**boosted.models, "count": poisson})
    families.EVERY = (*(counting if family is boosted else family for family in families.EVERY), extra)
    count = tasks.Task("count", meaning="A mean count for each row.", beside=("deviance",), most_told=0.98)
    tasks.EVERY = (*tasks.EVERY, count)

    from pipelines import runner as work
    from pipelines.core.config import UseCase
    from pipelines.core.use_cases import json_schema
    from pipelines.metrics import bootstrap, metrics as measured, metrics_stream, threshold
    from pipelines.metrics.scored import Scored
    from pipelines.run.run import Run
    from pipelines.storage.settings import Settings
    from scripts import docs

    root = Path(sys.argv[1])
    mlflow = f"sqlite:///{root}/var/mlflow.db"
    places = {name: root / name for name in ("data", "use_cases", "var")}
    settings = Settings(**places, mlflow=mlflow, mirror=None)
    run, counted = (Run.open(name, "training", date(2026, 1, 31), settings) for name in ("tiny", "counted"))
    work.run_all(run)
    work.run_all(counted)
    y, score = np.array([0.0, 1.0] * 20), np.linspace(0, 1, 40)
    rows = duckdb.connect().from_df(__import__("pandas").DataFrame({"label": y, "score": score}))
    scores = run.task().store.read("scores").filter("metric = 'off' AND slice = 'all'")
    try:
        UseCase.model_validate(json.loads(counted.use_case.model_dump_json()) | {"candidates": {"linear": {}}})
    except ValueError as error:
        not_able = str(error)
    try:
        threshold.choose(MostCorrect(policy="most_correct", at_least=41), np.sort(y), score)
    except policies.Unreachable as error:
        out_of_reach = str(error)
    print(json.dumps({
        "schema": json_schema(),
        "documents": docs.reference(),
        "on arrays": measured.measure("off", y, score),
        "streamed": metrics_stream.measure(rows, tasks.BINARY)["off"].value,
        "drawn": len(bootstrap.draw(["off"], y, [Scored("m", score)], np.arange(40))["m"]["off"]),
        "families": scores.project("linear, extra").fetchall(),
        "parity": run.task().store.read("parity").aggregate("family, max(difference)").fetchall(),
        "scores": scores.project("challenger, challenger_low, challenger_high").fetchall(),
        "threshold": threshold.choose(MostCorrect(policy="most_correct", at_least=1), np.sort(y), score),
        "out of reach": out_of_reach,
        "not able": not_able,
        "counts": counted.task().store.read("scores").project("metric, challenger, baseline").fetchall(),
        "card of counts": (counted.store.disk / "reports" / "evaluate.html").read_text(),
        "card": (run.store.disk / "reports" / "evaluate.html").read_text(),
    }))
    """
)


def counted() -> dict[str, Any]:
    """The tiny use case, whose label is taken for a count."""
    facts: dict[str, Any] = yaml.safe_load(tiny.YAML)
    facts |= {"name": "counted", "task": "count", "metric": {"name": "deviance"}, "slices": []}
    facts["columns"]["bad"] = {"type": "number", "role": "label"}
    facts["candidates"] = {"xgboost": {"grid": {"n_estimators": [20], "max_depth": [2]}}}
    return {name: value for name, value in facts.items() if name not in ("label", "threshold")}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path) -> dict[str, Any]:
    """What a process finds that has one of each more, by which trainings have gone."""
    root = tmp_path_factory.mktemp("more")
    for folder in ("use_cases", "var"):
        (root / folder).mkdir()
    text = tiny.YAML
    for old, new in (
        ("name: aucpr", "name: off"),
        (
            "xgboost: {grid: {n_estimators: [20], max_depth: [2, 3]}}",
            "extra: {grid: {n_estimators: [20], max_depth: [1, 3, 6], bootstrap: [false, true]}}",
        ),
        ("{policy: max_recall, precision: 0.5}", "{policy: most_correct, at_least: 2}"),
    ):
        assert old in text
        text = text.replace(old, new)
    (root / "use_cases" / "tiny.yaml").write_text(text)
    (root / "use_cases" / "counted.yaml").write_text(yaml.safe_dump(counted()))
    shutil.copy(mlflow_database, root / "var" / "mlflow.db")
    ran = subprocess.run(
        [sys.executable, "-c", ADDED, str(root)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    result: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return result


def test_the_schema_and_the_documents_have_them(found: dict[str, Any]) -> None:
    assert '"off"' in found["schema"]
    assert "`quantile_loss`, `off`" in found["documents"]
    assert '"const": "most_correct"' in found["schema"]
    assert "[Fixed](#fixed) or [MostCorrect](#mostcorrect)" in found["documents"]
    assert "| `extra` | [Search](#search) or null | none |" in found["documents"]
    assert "## MostCorrect\n\nThe most decisions that are right" in found["documents"]


def test_the_three_ways_of_the_metric_agree(found: dict[str, Any]) -> None:
    assert found["streamed"] == pytest.approx(found["on arrays"], abs=1e-12)
    assert found["drawn"] == 1000


def test_a_training_goes_by_it_and_the_scores_have_it_with_its_interval(found: dict[str, Any]) -> None:
    ((value, low, high),) = found["scores"]
    assert low <= value <= high


def test_a_training_chooses_the_threshold_by_it(found: dict[str, Any]) -> None:
    assert found["threshold"] == 0.5
    assert found["out of reach"].startswith("threshold: 40 decisions are right at most")


def test_the_family_competes_and_its_graph_is_the_trained_model(found: dict[str, Any]) -> None:
    assert all(value is not None for value in found["families"][0])
    assert {family for family, _ in found["parity"]} == {"linear", "extra"}
    assert all(difference < 1e-5 for _, difference in found["parity"])
    assert "<td>extra <span" in found["card"]


def test_a_training_of_the_task_goes_its_whole_way(found: dict[str, Any]) -> None:
    assert '"count"' in found["schema"]
    assert "`binary`, `regression`, `count`" in found["documents"]
    (values,) = [values for metric, *values in found["counts"] if metric == "deviance"]
    assert 0 < values[0] < values[1]
    assert "candidates.linear: it has no model of a count task; allowed: xgboost" in found["not able"]
    assert "A mean count for each row. Judged on rows that took no part" in found["card of counts"]


def test_the_card_says_what_they_mean(found: dict[str, Any]) -> None:
    assert "how far the mean score lies from the mean label" in found["card"]
    assert "the most decisions that are right, 2 rows or more, chosen on validation rows" in found["card"]
