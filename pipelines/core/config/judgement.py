"""What counts: the primary metric, the policy of the decision threshold, and what a challenger must show to
be promoted.
"""

from __future__ import annotations

from datetime import timedelta
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from pipelines.core import metrics, policies
from pipelines.core.config.base import Duration, Identifier, duration_text
from pipelines.core.strict import Strict

if TYPE_CHECKING:
    MetricName = str
    Threshold = policies.Policy
else:
    MetricName = Literal[tuple(metric.name for metric in metrics.EVERY)]
    Threshold = Annotated[reduce(or_, policies.EVERY), Field(discriminator="policy")]


def _time_to_answer(value: timedelta | None) -> timedelta | None:
    # Airflow looks once in a while whether time is up, and a person has to see the question first.
    if value is not None and not timedelta(hours=1) <= value <= timedelta(days=90):
        raise ValueError(
            f"{duration_text(value)} is no time in which a person can answer: write 1h to 90d, or leave it"
            " out, and nobody is asked"
        )
    return value


class Metric(Strict):
    """The primary metric: it ranks the trials and decides between champion and challenger.

    Where it is about decisions (cost, f1, precision, recall), a trial is worth the decisions of all folds
    together, each fold's at the threshold that the policy chooses by the other folds' scores. Where it cannot
    choose there, the fold has no alarm; a fixed threshold is itself; by capacity a fold has its share of a
    night's alarms.

    Cost and asymmetric are means of a row, in the unit of the costs, wherever they stand: a margin or
    `monitoring.min_performance` of 0.4 is 0.4 a row.

    precision_at_k and recall_at_k go by each day's k greatest scores, in the search among all folds' rows of
    the day. Their intervals are exact where days are what is drawn as a whole (`promotion.unit`).

    Where it is the loss of a quantile (asymmetric: of `under_cost / (1 + under_cost)`; quantile_loss; mae: of
    a half), linear and xgboost models learn that loss, and a forest squared errors.
    """

    name: MetricName
    quantile: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="quantile_loss: the share of labels that shall lie below the forecast, such as 0.9.",
    )
    k: int | None = Field(
        default=None,
        ge=1,
        description=(
            "precision_at_k, recall_at_k: how many rows of each day are looked at, those of the greatest"
            " scores (ties by the key; of a day with fewer rows, all). The threshold has nothing to do with"
            " it."
        ),
    )
    margin: float | None = Field(
        default=None,
        ge=0,
        description=(
            "By how much a challenger must surely beat the champion, and the baseline: the interval of its"
            " gain lies above. Without it: a hundredth of the champion's own gain over the baseline, which is"
            " worth a change, and anything over the baseline."
        ),
    )
    under_cost: float = Field(
        default=1.0,
        gt=0,
        description="asymmetric: the cost of one unit too low, where one unit too high costs 1.",
    )
    false_positive: float | None = Field(
        default=None,
        gt=0,
        description=(
            "cost: what a false alarm costs. Not with a threshold by policy least_cost, which says it"
            " already."
        ),
    )
    false_negative: float | None = Field(
        default=None, gt=0, description="cost: what a miss costs; the same holds."
    )


class Promotion(Strict):
    """What a challenger must show on the held-out rows, beside a gain above `metric.margin`, before it
    becomes champion.
    """

    confidence_level: float = Field(
        default=0.95,
        ge=0.5,
        lt=1,
        description=(
            "Over a year of trainings, however often: with 0.95, in 5 of 100 years at most is a challenger"
            " promoted that is truly no better. Each training spends a share of that, by the days since the"
            " one before. What is only shown has intervals of this level each, and so have slices together."
        ),
    )
    unit: Identifier | None = Field(
        default=None,
        description=(
            "What is independent of one another and drawn as a whole: row, day, or a column whose rows belong"
            " together, such as a customer. Without it: the column of split.folds.group; else the day where"
            " the split is by time, or the row, or a window's `by`: by whichever of them the gain is least"
            " sure."
        ),
    )
    slice_loss: float = Field(
        default=0.0, ge=0, description="By how much of the metric a declared slice may surely become worse."
    )
    slice_rows: int = Field(default=200, ge=20, description="A slice with fewer held-out rows is not judged.")
    max_calibration_error: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None,
        description=(
            "Binary tasks: the greatest expected calibration error. The whole interval must lie below, and"
            " the probabilities may not surely expect more than 1.25 positive rows for each that is seen, or"
            " fewer than 0.8."
        ),
    )
    max_megabytes: float | None = Field(
        default=None, gt=0, description="The greatest size of the exported graph."
    )
    min_rows_per_second: float | None = Field(
        default=None, gt=0, description="The least speed of scoring on one core, as measured at export."
    )
    approval: Annotated[Duration | None, AfterValidator(_time_to_answer)] = Field(
        default=None,
        description=(
            "A person must approve within this time, 1h to 90d, such as 3d, in Airflow or by `models"
            " approve`; else the champion stays. (`airflow dags test` waits, too; with"
            " `--mark-success-pattern approve` it goes on, and the champion stays.)"
        ),
    )
    approvers: tuple[Annotated[str, Field(pattern=r"^\S(.*\S)?$", max_length=200)], ...] = Field(
        default=(),
        description=(
            "Who alone may approve or reject: login names, of Airflow's users and, for `models approve`, of"
            " this machine's. Not the one who asked for the training. Without it: whoever may trigger the"
            " DAG."
        ),
    )

    @model_validator(mode="after")
    def _somebody_is_asked(self) -> Promotion:
        if self.approvers and self.approval is None:
            raise ValueError(
                "approvers: nobody is asked unless `approval` says within which time, such as 3d"
            )
        if twice := sorted({name for name in self.approvers if self.approvers.count(name) > 1}):
            raise ValueError(f"approvers: {', '.join(twice)} stands there twice")
        return self
