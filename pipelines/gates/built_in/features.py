"""What is expected of features: clean's rows, finite numbers, and what a training can learn from."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.core.split import UNLABELLED
from pipelines.core.sql import name as quoted
from pipelines.gates.built_in.every import columns, has_key, is_stated_by_file, not_missing
from pipelines.gates.built_in.wording import GREATEST, is_, is_not, must, of_what_is_there, should
from pipelines.gates.gx.suite import Stated
from pipelines.run.run import Run


def features(run: Run) -> Iterator[Stated]:
    """Clean's rows, each once, with values that a model can read."""
    use_case = run.use_case
    clean = run.store.manifest("clean").rows
    yield columns(run, "features")
    yield must("table_row_count_to_equal", value=clean, why="clean's rows, each once")
    yield from has_key(use_case)
    for name in use_case.features.numbers:
        yield of_what_is_there(
            "column_values_to_be_between",
            column=name,
            min_value=-GREATEST,
            max_value=GREATEST,
            why="finite, or missing",
        )
    yield from not_missing(run, "features", list(use_case.features.numbers))
    for name in (*use_case.features.categories, *use_case.features.texts):
        yield must("column_values_to_not_be_null", column=name)
    if run.kind == "training":
        yield from _learnable(run)


def _learnable(run: Run) -> Iterator[Stated]:
    """A training needs rows of both splits, labels, and features that differ between rows."""
    use_case, target = run.use_case, run.use_case.target
    yield must("column_values_to_not_be_null", column="split")
    unlabelled = _most_unlabelled(run)
    if unlabelled:
        yield must(
            "column_distinct_values_to_equal_set", column="split", value_set=["test", "train", UNLABELLED]
        )
        yield must(
            "table_row_count_to_equal",
            value=unlabelled,
            row_condition=is_("split", UNLABELLED),
            why="clean's rows without a label",
        )
        yield must("column_values_to_be_null", column=target, row_condition=is_("split", UNLABELLED))
        yield must("column_values_to_not_be_null", column=target, row_condition=is_not("split", UNLABELLED))
    else:
        yield must("column_distinct_values_to_equal_set", column="split", value_set=["test", "train"])
        yield must("column_values_to_not_be_null", column=target)
    for split in ("train", "test"):
        only = is_("split", split)
        if classes := list(use_case.task.classes):
            yield must(
                "column_distinct_values_to_equal_set", column=target, value_set=classes, row_condition=only
            )
        else:
            yield must(
                "column_unique_value_count_to_be_between", column=target, min_value=2, row_condition=only
            )
    for name in use_case.features.names:
        yield should(
            "column_unique_value_count_to_be_between",
            column=name,
            min_value=2,
            why="a constant tells a model nothing",
        )
    for name in (*use_case.features.numbers, *use_case.features.categories):
        if not is_stated_by_file(use_case, "features", "feature_not_to_tell_the_label", column=name):
            yield of_what_is_there(
                "feature_not_to_tell_the_label", column=name, max_value=use_case.task.most_told
            )


def _most_unlabelled(run: Run) -> int:
    """How many rows a training may have that nobody has labelled."""
    if run.use_case.target not in run.use_case.cleanse.drop:
        return 0
    ((found,),) = (
        run.store.read("clean").filter(f"{quoted(run.use_case.target)} IS NULL").count("*").fetchall()
    )
    return int(found)
