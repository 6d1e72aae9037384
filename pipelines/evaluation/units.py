"""What is independent of one another among the held-out rows, where the use case does not state it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipelines.metrics import bootstrap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelines.core.config import UseCase
    from pipelines.evaluation.rows import HeldOut
    from pipelines.metrics.bootstrap import Codes
    from pipelines.metrics.scored import Scored


def entities(rows: pd.DataFrame, key: pd.Series) -> dict[str, Codes]:
    """Which rows are about the same: Column -> codes, shape (n,).

    Args:
        rows: The key, and the columns of `UseCase.entities`, of these rows and perhaps others.
        key: The rows' own, shape (n,).
    """
    found = rows.set_index(key.name).reindex(key)
    return {str(name): _codes(found[name]) for name in found.columns}


def _codes(values: pd.Series) -> Codes:
    """A number for each value; a row without one is about nobody else."""
    codes = np.asarray(pd.factorize(values)[0], dtype=np.int64)
    missing = codes < 0
    codes[missing] = codes.max(initial=-1) + 1 + np.arange(missing.sum())
    return codes


def least_sure(compared: Mapping[str, Scored], held_out: HeldOut, use_case: UseCase) -> tuple[str, HeldOut]:
    """By whom rows are drawn together: of the use case's unit and the entities, by whom the gain over who
    serves now varies most.

    Rows of one customer are alike, and whoever draws them one by one believes to know more than there is to
    know (Moulton 1986). A column of few values is none of entities, but a part of every sample like this.

    Args:
        compared: Role -> its scores, the one who serves now among them.
        held_out: The rows.
        use_case: Names the metric and the unit.

    Returns:
        The unit's name, and the rows with its codes.
    """
    from pipelines.evaluation.scores import BASELINE, CHAMPION

    metric, now = use_case.metric.name, CHAMPION if CHAMPION in compared else BASELINE
    models = [replace(compared[role], name=role) for role in ("challenger", now)]
    codes = {use_case.unit: held_out.units} | {
        name: of for name, of in held_out.entities.items() if of.max() + 1 >= bootstrap.LEAST_UNITS
    }
    if len(codes) == 1:
        return use_case.unit, held_out

    def variance(units: Codes) -> float:
        drawn = bootstrap.draw(
            (metric,), held_out.y, models, units, use_case.stakes, use_case.candidates.seed
        )
        one, other = (drawn[model.name].get(metric) for model in models)
        return 0.0 if one is None or other is None else float(np.nanvar(one - other))

    name = max(codes, key=lambda name: variance(codes[name]))
    return name, replace(held_out, units=codes[name])
