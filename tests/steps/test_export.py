"""Each exported graph says what it is."""

from __future__ import annotations

import json
from hashlib import sha256

import duckdb
import pyarrow as pa
import pytest
from sklearn.metrics import average_precision_score

from pipelines.core.config import Family
from pipelines.model import convert, parity
from pipelines.model.engine_xgboost import booster_metadata
from pipelines.model.graph import Graph
from pipelines.steps import export
from tests.helpers import fitted


@pytest.fixture(scope="module")
def metadata() -> dict[str, dict[str, str]]:
    return {family: Graph(content).metadata for family, content in fitted.exported().graphs.items()}


def test_a_graph_says_where_it_comes_from_and_what_it_is(metadata: dict[str, dict[str, str]]) -> None:
    assert json.loads(metadata["linear"]["typical"]).keys() == {"amount", "age", "channel", "note"}
    assert json.loads(metadata["linear"]["meaning"]).keys() == {"amount", "age", "channel", "note"}
    assert {
        name: value for name, value in metadata["linear"].items() if name not in ("typical", "meaning")
    } == {
        "training_partition": "2026-01-31",
        "data_version": "d41d8cd9.dir",
        "format": "1",
        "family": "linear",
        "task": "binary",
        "target": "bad",
        "features": json.dumps(
            [
                {"name": "amount", "kind": "number"},
                {"name": "age", "kind": "number"},
                {"name": "channel", "kind": "category"},
                {"name": "note", "kind": "text"},
            ]
        ),
        "metric": "aucpr",
        "held_out_aucpr": "0.8",
        "classes": "[0, 1]",
        "positive": "1",
    }


def test_only_the_winner_has_a_threshold(metadata: dict[str, dict[str, str]]) -> None:
    assert {family: said.get("threshold") for family, said in metadata.items()} == {
        "linear": None,
        "forest": None,
        "xgboost": "0.25",
    }


def test_exporting_twice_gives_the_same_bytes_and_the_same_parity() -> None:
    first, second = fitted.exported(), fitted.exported.__wrapped__()
    assert first.graphs == second.graphs
    assert first.parity.equals(second.parity)


def test_the_greatest_difference_is_that_of_the_compared_rows() -> None:
    exported = fitted.exported()
    rows = exported.parity[exported.parity.kind != "metric"]
    assert exported.greatest_difference == rows.difference.max() < 1e-6
    assert list(exported.parity.columns) == [
        "family",
        "engine",
        "kind",
        "key",
        "expected",
        "found",
        "difference",
        "graph_sha256",
        "fit",
    ]
    for family, graph in exported.graphs.items():
        assert set(exported.parity[exported.parity.family == family].graph_sha256) == {
            sha256(graph).hexdigest()
        }


def test_the_engine_is_chosen_among_those_that_are_the_trained_model() -> None:
    compared = {
        (family, engine)
        for family, engine in fitted.exported().parity[["family", "engine"]].itertuples(index=False)
    }
    assert compared == {
        ("linear", "onnxruntime"),
        ("forest", "onnxruntime"),
        ("xgboost", "onnxruntime"),
        ("xgboost", "xgboost"),
    }
    assert {(family, choice.engine) for family, choice in fitted.exported().choices.items()} <= compared
    assert all(choice.rows_per_second > 0 for choice in fitted.exported().choices.values())


def test_an_engine_that_scores_otherwise_is_not_chosen_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    trained, facts = fitted.pipeline("xgboost"), fitted.use_case()
    other = fitted.pipeline("xgboost", "regression")
    graphs: dict[Family, bytes] = {
        "xgboost": convert.graph_of(trained, facts.features, facts.task, facts.name, booster_metadata(other))
    }
    table = export.parity(fitted.features(), {"xgboost": trained}, graphs, fitted.verdict(), facts)
    assert set(table.engine) == {"onnxruntime"}
    assert "xgboost is not scored by xgboost: it differs from the trained model by up to" in caplog.text
    assert export._choice(fitted.features(), "xgboost", graphs["xgboost"], table).engine == "onnxruntime"


def test_the_winners_score_is_measured_again_on_the_held_out_rows() -> None:
    test = fitted.rows().query("split == 'test'")
    true = average_precision_score(
        test.bad, Graph(fitted.exported().graphs["xgboost"]).scores(pa.Table.from_pandas(test))
    )
    (row,) = fitted.exported().parity.query("kind == 'metric' and engine == 'onnxruntime'").to_dict("records")
    # what the evaluation claims
    assert (row["family"], row["key"], row["expected"]) == ("xgboost", "aucpr", 0.9)
    assert row["found"] == pytest.approx(true)
    assert row["difference"] == pytest.approx(abs(0.9 - true))


def test_a_score_that_cannot_be_measured_is_an_infinite_difference() -> None:
    rows = fitted.rows().assign(bad=0)
    row = parity.of_metric(
        duckdb.connect().from_df(rows),
        "xgboost",
        Graph(fitted.exported().graphs["xgboost"]),
        0.9,
        0.25,
        fitted.use_case(),
    )
    assert row.difference.tolist() == [float("inf")]


def test_the_winner_that_scores_is_fitted_again_and_the_judged_fit_is_kept() -> None:
    judged, again = fitted.exported(), fitted.exported(refit="all")
    assert again.judged == {"xgboost": judged.graphs["xgboost"]}
    assert again.graphs["linear"] == judged.graphs["linear"]
    assert again.graphs["xgboost"] != judged.graphs["xgboost"]
    says = Graph(again.graphs["xgboost"]).metadata
    assert says["fitted_rows"] == "400"
    assert says["judged_graph_sha256"] == sha256(judged.graphs["xgboost"]).hexdigest()
    # what was found of the judged fit stays what is said of the version
    assert (says["held_out_aucpr"], says["threshold"]) == ("0.9", "0.25")


def test_the_fit_that_scores_is_compared_with_its_own_graph() -> None:
    table = fitted.exported(refit="all").parity
    again = table[table.fit == "refit"]
    assert set(again.graph_sha256) == {sha256(fitted.exported(refit="all").graphs["xgboost"]).hexdigest()}
    assert set(again.kind) == {"real", "edge", "kept"}
    assert again[again.kind != "kept"].difference.max() < 1e-6
    assert set(table[table.fit == "judged"].family) == set(fitted.FAMILIES)


def test_a_fit_that_has_lost_its_lead_is_told_by_how_much() -> None:
    test = fitted.rows().query("split == 'test'")
    graph = fitted.exported(refit="all").graphs["xgboost"]
    true = average_precision_score(test.bad, Graph(graph).scores(pa.Table.from_pandas(test)))
    lost = [
        parity.of_refit(
            fitted.features(), "xgboost", graph, judged, baseline, 0.25, fitted.use_case()
        ).difference[0]
        for judged, baseline in ((true + 0.1, true - 0.3), (true - 0.1, 0.3), (0.3, 0.3))
    ]
    assert lost == [pytest.approx(0.25), 0, float("inf")]


@pytest.mark.parametrize(
    ("leads", "lost"),
    [
        ({"baseline": 1.0}, 0.1),
        ({"baseline": 1.0, "constant": 0.2}, 0.5),
        ({"baseline": 0.2, "constant": 1.0}, 0.5),
        ({}, float("inf")),
    ],
)
def test_the_lead_of_a_new_fit_is_that_over_the_better_of_baseline_and_constant(
    leads: dict[str, float], lost: float
) -> None:
    test, graph = fitted.rows().query("split == 'test'"), fitted.exported(refit="all").graphs["xgboost"]
    true = average_precision_score(test.bad, Graph(graph).scores(pa.Table.from_pandas(test)))
    judged = true + 0.1
    others = {model: {"aucpr": judged - lead} for model, lead in leads.items()}
    verdict = fitted.verdict(values={"xgboost": {"aucpr": judged}, **others})
    table = export.refit_parity(
        fitted.features(), fitted.pipeline("xgboost"), graph, verdict, fitted.use_case()
    )
    assert table[table.kind == "kept"].difference.tolist() == [pytest.approx(lost)]


def test_without_refit_the_judged_fit_scores() -> None:
    exported = fitted.exported()
    assert exported.judged == {}
    assert set(exported.parity.fit) == {"judged"}
    assert "judged_graph_sha256" not in Graph(exported.graphs["xgboost"]).metadata
