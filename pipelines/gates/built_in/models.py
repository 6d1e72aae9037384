"""What is expected of a training's models: trials, scores, and that the exported model is the judged one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipelines.gates.built_in.every import columns
from pipelines.gates.built_in.wording import GREATEST, both, is_, is_not, must, should, with_sentence
from pipelines.gates.gx.suite import Stated
from pipelines.run.run import Run

if TYPE_CHECKING:
    import duckdb

PARITY = 1e-5  # the greatest difference between the trained model and its graph, see `pipelines.model.parity`
REFERENCE = "onnxruntime"  # the engine that can score every model, so parity must have it
# The greatest difference between the winner's metric and its graph's: wider, since two rows whose scores
# differ by a rounding may change places in a ranking, or sides at a threshold.
METRIC_PARITY = 1e-3
# Of the winner's lead over the baseline, the share that the fit on all labelled rows may lose on rows that
# it has learned: it only has to be seen that something went wrong. Usually it gains.
MOST_LOST = 0.5


def trials(run: Run) -> Iterator[Stated]:
    """Each family has one best candidate, and the best of them is no worse than the baseline."""
    families = list(run.use_case.candidates.families)
    yield columns(run, "trials")
    yield must("column_distinct_values_to_equal_set", column="family", value_set=families)
    for column in ("mean_score", "gain"):
        yield must("column_values_to_not_be_null", column=column)
        yield must("column_values_to_be_between", column=column, min_value=-GREATEST, max_value=GREATEST)
    best = is_("best", True)
    yield must(
        "column_distinct_values_to_equal_set",
        column="family",
        value_set=families,
        row_condition=best,
        why="each has a best candidate",
    )
    yield must("column_values_to_be_unique", column="family", row_condition=best, why="and only one")
    yield must(
        "column_max_to_be_between",
        column="gain",
        min_value=0,
        row_condition=best,
        why="the best one is no worse than the baseline on the same folds",
    )
    yield with_sentence(
        should("column_values_to_be_between", column="gain", min_value=0, row_condition=best),
        _worse_than_the_baseline(run),
    )


def _worse_than_the_baseline(run: Run) -> str:
    """Which families do without use on these folds, what that means, and the way out."""
    needed, table = {"family", "best", "gain", "mean_score", "baseline_score"}, _trials(run)
    if not needed <= set(table.columns):
        return ""  # another expectation fails
    worse = table.filter("best AND gain < 0").order("family")
    found = worse.project("family, mean_score, baseline_score").fetchall()
    name = run.use_case.metric.name
    told = (
        f"{family}'s best candidate has {name} {own:.4g} on the folds, and the baseline {without:.4g}"
        for family, own, without in found
    )
    ways = " or ".join(f"candidates.{family}" for family, *_ in found)
    return (
        f"{'; '.join(told)}: so it is worse than no model, and is judged and exported all the same, but"
        f" hardly wins; give it other values under {ways}, or take it out"
    )


def _trials(run: Run) -> duckdb.DuckDBPyRelation:
    return run.store.read("trials", run.use_case.candidates.families)


def scores(run: Run) -> Iterator[Stated]:
    """The challenger was measured on all held-out rows, and is better than what does without a model."""
    overall = both(is_("primary", True), is_("slice", "all"))
    yield columns(run, "scores")
    metric = [run.use_case.metric.name]
    yield must(
        "column_distinct_values_to_equal_set", column="metric", value_set=metric, row_condition=overall
    )
    yield must(
        "table_row_count_to_equal",
        value=1,
        row_condition=overall,
        why="the primary metric on all held-out rows stands there once",
    )
    others = {"baseline": "the baseline"}
    if run.use_case.candidates.baseline.rule is not None:
        others["constant"] = "the best constant"
    gains = {f"gain_over_{name}": other for name, other in others.items()}
    for column in ("challenger", *others, *gains):
        yield must("column_values_to_not_be_null", column=column, row_condition=overall)
    for column, other in gains.items():
        yield must(
            "column_values_to_be_between",
            column=column,
            min_value=0,
            strict_min=True,
            max_value=GREATEST,
            row_condition=overall,
            why=f"on the held-out rows the challenger must be better than {other}",
        )


def parity(run: Run) -> Iterator[Stated]:
    """The exported graphs say what the trained models say, row by row and as a metric."""
    families, refit = list(run.use_case.candidates.families), run.use_case.candidates.refit == "all"
    judged_again, reference = is_("kind", "metric"), is_("engine", REFERENCE)
    of_rows = both(is_not("kind", "metric"), is_not("kind", "kept"))
    yield columns(run, "parity")
    yield must("column_distinct_values_to_equal_set", column="family", value_set=families)
    for family in families:
        only = both(is_("family", family), is_("fit", "judged"), reference, of_rows)
        yield must(
            "column_distinct_values_to_equal_set",
            column="kind",
            value_set=["edge", "real"],
            row_condition=only,
        )
    yield must("column_values_to_not_be_null", column="engine")
    yield must("column_values_to_not_be_null", column="graph_sha256")
    yield must("column_values_to_not_be_null", column="difference")
    yield must(
        "column_values_to_be_between",
        column="difference",
        min_value=0,
        max_value=PARITY,
        row_condition=of_rows,
        why="the exported model must be the trained model",
    )
    yield must(
        "table_row_count_to_equal",
        value=1,
        row_condition=both(judged_again, reference),
        why="the exported winner is measured again",
    )
    yield must(
        "column_values_to_be_between",
        column="difference",
        min_value=0,
        max_value=METRIC_PARITY,
        row_condition=judged_again,
        why="on the held-out rows the exported winner must have the score by which it was judged",
    )
    why = "the winner is fitted again on all labelled rows" if refit else "candidates.refit is none"
    kept = is_("kind", "kept")
    yield must("table_row_count_to_equal", value=int(refit), row_condition=kept, why=why)
    if not refit:
        return
    yield must(
        "column_distinct_values_to_equal_set",
        column="kind",
        value_set=["edge", "kept", "real"],
        row_condition=both(is_("fit", "refit"), reference),
        why="the winner's fit on all labelled rows is compared with its graph",
    )
    yield must(
        "column_values_to_be_between",
        column="difference",
        min_value=0,
        max_value=MOST_LOST,
        row_condition=kept,
        why="fitted again, the winner must keep its lead over the baseline on rows that it has learned",
    )
