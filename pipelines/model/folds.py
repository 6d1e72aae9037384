"""How training rows are cut for cross-validation: every family, and the baseline, is judged on the same
folds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import (
    BaseCrossValidator,
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    TimeSeriesSplit,
)

from pipelines.core.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.core.config import UseCase

Positions: TypeAlias = npt.NDArray[np.intp]
Fold: TypeAlias = tuple[Positions, Positions]


def cut(rows: pd.DataFrame, y: npt.NDArray[Any], use_case: UseCase) -> list[Fold]:
    """Cut rows into folds.

    Args:
        rows: Training rows, ordered by time, then key; for folds by group with the group's column.
        y: Their labels, shape (rows,).
        use_case: Says how, under `split.folds`.

    Returns:
        For each fold the positions of the rows to fit on and of those to score. By time, only the later rows
        are ever scored, each fold by a model of all rows before it; otherwise each row is scored once.

    Raises:
        BadInput: too few rows, groups or labels for so many folds.
    """
    group = use_case.split.folds.group
    groups = rows[group] if group else None
    _enough(y, groups, use_case)
    folds = list(_cutter(use_case).split(rows, y, groups))
    if use_case.task.classes:
        _each_class(folds, y, use_case)
    return folds


def _cutter(use_case: UseCase) -> BaseCrossValidator:
    facts, seed = use_case.split.folds, use_case.candidates.seed
    if facts.by == "time":
        return TimeSeriesSplit(facts.n)
    if facts.by == "stratified":
        return StratifiedKFold(facts.n, shuffle=True, random_state=seed)
    if facts.by == "shuffle":
        return KFold(facts.n, shuffle=True, random_state=seed)
    # Whole groups, and of a rare class as even a share as they allow.
    kind = StratifiedGroupKFold if use_case.task.classes else GroupKFold
    return kind(facts.n, shuffle=True, random_state=seed)


def _enough(y: npt.NDArray[Any], groups: pd.Series | None, use_case: UseCase) -> None:
    """Refuse what scikit-learn would refuse, in a sentence that speaks the use case's words."""
    facts = use_case.split.folds
    _at_least(facts.n + 1 if facts.by == "time" else facts.n, len(y), "training rows", use_case)
    if groups is not None:
        _at_least(facts.n, groups.nunique(), f"different values of {facts.group}", use_case)
    for label in use_case.task.classes:
        _at_least(
            facts.n, int((y == label).sum()), f"training rows with {use_case.target} = {label}", use_case
        )


def _at_least(needed: int, found: int, what: str, use_case: UseCase) -> None:
    if found < needed:
        raise BadInput(
            f"{found:,} {what}, of {needed} that split.folds with n: {use_case.split.folds.n} needs at least",
            where=use_case.name,
            fix="fewer folds, or a longer split.window_days",
        )


def _each_class(folds: list[Fold], labels: npt.NDArray[Any], use_case: UseCase) -> None:
    poor = [
        f"fold {number} of {len(folds)}: all {len(part):,} rows to {purpose} have {use_case.target} ="
        f" {labels[part[0]]:g}"
        for number, fold in enumerate(folds, start=1)
        for purpose, part in zip(("fit on", "score"), fold, strict=True)
        if np.ptp(labels[part]) == 0
    ]
    if poor:
        way_out = "fewer folds, a longer split.window_days, or split.folds.by: stratified"
        raise BadInput("a fold needs rows of both classes", where=use_case.name, details=poor, fix=way_out)
