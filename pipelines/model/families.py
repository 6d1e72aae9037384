"""The model families, each as one Pipeline of preprocessing and estimator, and the grids that are searched
over it.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from sklearn.pipeline import Pipeline

from pipelines.core.errors import did_you_mean
from pipelines.core.families import named
from pipelines.model import prepare, tried

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.core.config import Family, Scalar, UseCase

# scikit-learn's: a folder to write what has been fitted into; whether texts name files
ABOUT_FILES = frozenset({"memory", "input"})


def pipeline(use_case: UseCase, family: Family) -> Pipeline:
    """Return the family's unfitted Pipeline, seeded: steps `prepare` and `model`.

    Where the primary metric is a quantile's loss, that is what it learns, if it can.
    """
    of, seed, quantile = named(family), use_case.candidates.seed, use_case.quantile
    if quantile is not None and of.of_quantile is not None:
        estimator = of.of_quantile(seed, quantile)
    else:
        estimator = of.models[use_case.task.name](seed)
    return Pipeline([("prepare", prepare.transformer(use_case, family)), ("model", estimator)])


def grid(use_case: UseCase, family: Family) -> dict[str, list[Scalar]]:
    """Return the family's declared grid by the Pipeline's own names: a bare name is a parameter of the
    model.
    """
    return {_full(name): list(values) for name, values in _declared_grid(use_case, family).items()}


def check_grid(use_case: UseCase) -> list[tuple[str, str]]:
    """Find what is wrong with the grids, before anything is fitted.

    Returns:
        For each mistake where it stands in the use-case file, dotted, and a sentence.
    """
    return [mistake for family in use_case.candidates.families for mistake in _mistakes(use_case, family)]


def _mistakes(use_case: UseCase, family: Family) -> list[tuple[str, str]]:
    whole = pipeline(use_case, family)
    known = set(whole.get_params())
    where = f"candidates.{family}"
    found = []
    for name in _declared_grid(use_case, family):
        if _full(name) not in known:
            model, own = type(whole["model"]).__name__, whole["model"].get_params()
            what, words = (f"the {family} Pipeline", known) if "__" in name else (model, own)
            found.append(
                (f"{where}.grid.{name}", f"{what} has no parameter {name!r}: {did_you_mean(name, words)}")
            )
        elif name.split("__")[-1] in ABOUT_FILES:
            found.append(
                (
                    f"{where}.grid.{name}",
                    f"{name!r} is about files, which no model reads or writes; leave it out",
                )
            )
    wrong = {where.rsplit(".", 1)[-1] for where, _ in found}
    own = {
        name.removeprefix("model__"): values
        for name, values in _declared_grid(use_case, family).items()
        if name not in wrong and _full(name).startswith("model__") and values
    }
    found += [
        (f"{where}.grid.{name}", sentence)
        for name, sentence in tried.mistakes(whole["model"], family, use_case.task, own)
    ]
    search = getattr(use_case.candidates, family)
    combinations = prod(len(values) for values in search.grid.values())
    if search.n is not None and search.n > combinations:
        found.append(
            (
                f"{where}.n",
                (
                    f"{search.n} draws from a grid of {combinations} combinations: write a smaller n, or"
                    " search: grid"
                ),
            )
        )
    if search.early_stopping is not None:
        found += [(f"{where}.grid.{name}", sentence) for name, sentence in _unstoppable(search.grid)]
    return found


def _unstoppable(grid: dict[str, tuple[Scalar, ...]]) -> Iterator[tuple[str, str]]:
    """What of a grid does not go with early stopping."""
    for name, values in grid.items():
        bare = name.removeprefix("model__")
        if bare == "n_estimators" and len(values) > 1:
            yield (
                name,
                (
                    "with early_stopping it is the most trees, and how many there are is found: write one"
                    f" value instead of {len(values)}"
                ),
            )


def _declared_grid(use_case: UseCase, family: Family) -> dict[str, tuple[Scalar, ...]]:
    declared: dict[str, tuple[Scalar, ...]] = getattr(use_case.candidates, family).grid
    return declared


def _full(name: str) -> str:
    return name if "__" in name else f"model__{name}"
