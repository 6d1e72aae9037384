"""How many trees: an ensemble grows on all folds side by side, until the mean score over the folds gets no
better.

That is the rule of `xgboost.cv(early_stopping_rounds=...)`. If each fold stopped by its own rows held out, it
would choose its number of trees by the very rows that it is judged on, and each fold another number. By the
mean, the number of trees is one more value that cross-validation chooses, like every value of a grid, and the
best model has just that many.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from threading import Barrier, BrokenBarrierError
from typing import TYPE_CHECKING

import numpy as np
from xgboost import XGBModel
from xgboost.callback import TrainingCallback

from pipelines.model import ensembles
from pipelines.model.trial import Prepared, Trial

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Semaphore

    from xgboost import Booster

    from pipelines.model.search import Judge


def grow(
    models: list[XGBModel],
    folds: list[Prepared],
    scorer: Callable[..., float],
    every: int,
    cores: Semaphore,
    judge: Judge | None = None,
) -> tuple[int, list[Trial]]:
    """Grow one ensemble on all folds.

    A thread a fold: XGBoost draws its random numbers by thread, so that the trees are those that a fit alone
    would have grown.

    Args:
        models: For each fold the same unfitted model; its `n_estimators` is the most trees.
        folds: The rows of each.
        scorer: As scikit-learn's searches want it: greater is better.
        every: After so many trees the mean score is looked at. If it is no better than at the last look,
            growth ends.
        cores: How many threads may work at a time.
        judge: Instead of the mean of the scorer's scores, see `PipelineSearchCV`.

    Returns:
        The number of trees at the best look, and what each fold was then.

    Raises:
        ValueError: the model's first trees are no smaller ensemble, or it refuses a parameter or the rows.
    """
    for model in models:
        if isinstance(model, XGBModel) and model.n_estimators is None:
            model.set_params(n_estimators=model.get_num_boosting_rounds())  # its default
        if not isinstance(model, XGBModel) or not ensembles.begins_with_smaller_ones(model):
            raise ValueError(
                "early stopping needs an XGBoost ensemble whose first trees stay as they are, and this"
                f" {type(model).__name__} is none"
            )
    meeting = _Meeting(len(models), judge)
    growths = [
        _Growth(fold, model, rows, meeting, scorer, every, cores)
        for fold, (model, rows) in enumerate(zip(models, folds, strict=True))
    ]
    with ThreadPoolExecutor(len(growths)) as threads:
        errors = [future.exception() for future in [threads.submit(growth.run) for growth in growths]]
    for error in errors:
        if error is not None and not isinstance(error, BrokenBarrierError):  # the others only hear of it
            raise error
    return meeting.trees, [growth.trials[meeting.trees] for growth in growths]


class _Meeting:
    """Where the folds meet, to decide together whether to grow on."""

    def __init__(self, folds: int, judge: Judge | None) -> None:
        self.trees = 0  # at the best look
        self._best = -np.inf
        self._over = False
        self._trials: dict[int, Trial] = {}  # by fold
        self._at = 0
        self._judge = judge
        self._barrier = Barrier(folds, action=self._look)

    def decide(self, trees: int, fold: int, trial: Trial) -> bool:
        """Wait for the other folds' scores; True if growth is over."""
        self._trials[fold] = trial
        self._at = trees
        self._barrier.wait()
        return self._over

    def fail(self) -> None:
        """Wake the folds that wait for one that will not come."""
        self._barrier.abort()

    def _look(self) -> None:
        trials = [self._trials[fold] for fold in sorted(self._trials)]  # in whatever order they came
        if self._judge:
            _, worth = self._judge([trial.predictions for trial in trials])
        else:
            worth = float(np.mean(sorted(trial.score for trial in trials)))
        if self.trees == 0 or worth > self._best:
            self.trees, self._best = self._at, worth
        else:
            self._over = True


class _Growth(TrainingCallback):  # type: ignore[misc]
    """An ensemble that grows on one fold: a pass through XGBoost's own `fit`, held up at each look."""

    def __init__(
        self,
        fold: int,
        model: XGBModel,
        rows: Prepared,
        meeting: _Meeting,
        scorer: Callable[..., float],
        every: int,
        cores: Semaphore,
    ):
        super().__init__()
        self.trials: dict[int, Trial] = {}  # by number of trees
        self._fold, self._model, self._rows, self._meeting, self._scorer = fold, model, rows, meeting, scorer
        self._every, self._cores = every, cores
        self._sums = ensembles.Sums(rows.Z_held)
        self._seconds, self._since = 0.0, 0.0

    def run(self) -> None:
        """Fit the model, until the folds agree that it is over."""
        self._model.set_params(callbacks=[self])
        self._work()
        try:
            ensembles.fit(self._model, self._rows.Z, self._rows.y, self._rows.bins)
        except BaseException:  # whatever ends one fold, the others must not wait for it at the meeting
            self._meeting.fail()
            raise
        finally:
            self._rest()

    def after_iteration(self, model: Booster, epoch: int, evals_log: object) -> bool:  # noqa: ARG002 (XGBoost's signature)
        """Look, after so many trees, and say whether to stop."""
        trees = epoch + 1
        if trees % self._every and trees < self._model.n_estimators:
            return False
        trial = self._look(model, trees)
        self._rest()
        try:
            return self._meeting.decide(trees, self._fold, trial)
        finally:
            self._work()

    def _look(self, booster: Booster, trees: int) -> Trial:
        start = time.perf_counter()
        self._seconds += start - self._since
        grown = copy(self._model)
        grown._Booster = booster
        predictions = ensembles.scores_with_memory(grown, self._rows.Z_held, self._sums.up_to(trees, grown))
        score = float(self._scorer(grown, self._rows.Z_held, self._rows.y_held))
        self._since = time.perf_counter()
        best = {count: trial for count, trial in self.trials.items() if count == self._meeting.trees}
        trial = Trial(score, predictions, self._seconds, self._since - start)
        self.trials = best | {trees: trial}
        return trial

    def _work(self) -> None:
        self._cores.acquire()
        self._since = time.perf_counter()

    def _rest(self) -> None:
        self._seconds += time.perf_counter() - self._since
        self._cores.release()
