"""What is watched, and when runs happen."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from pipelines.core.config.base import Cron, Day, Duration
from pipelines.core.strict import Share, Strict

BESIDE = ("severity", "why")  # what may stand beside an expectation's name


class Expectation(Strict):
    """One Great Expectations expectation: `expect_...: {argument: value}`, with `severity: warn` to show
    without stopping.
    """

    name: str = Field(pattern=r"^expect_[a-z0-9_]+$")
    kwargs: dict[str, Any] = Field(default={})
    severity: Literal["stop", "warn"] = "stop"
    why: str | None = Field(default=None, description="Where it comes from: shown beside what was found.")

    @model_validator(mode="before")
    @classmethod
    def _from_yaml(cls, value: Any) -> Any:
        """Take the YAML form, a mapping whose one `expect_...` key names the expectation."""
        if isinstance(value, dict) and "name" not in value:
            names = [key for key in value if key not in BESIDE]
            if len(names) != 1:
                raise ValueError(
                    f"an expectation is one key `expect_...: {{arguments}}`, found {len(names)}:"
                    f" {', '.join(map(str, names))}"
                )
            return {
                "name": names[0],
                "kwargs": value[names[0]] or {},
                **{k: v for k, v in value.items() if k in BESIDE},
            }
        return value


class Resolved(Expectation):
    """An expectation of Sluice's own whose limits were found, as it is judged: no file can state it."""


# --- expectations of Sluice's own: what a table is compared with lies elsewhere, see `gates.resolve`


class LikePast(Strict):
    """The number of rows is near the median of earlier partitions that their own gate has let through.

    Compared with, for a night: the newest of its weekday; where there is none, those of any weekday, and then
    a failure only warns. For a training: the newest trainings. Always asked of `raw`, with these defaults,
    unless the file states it itself.
    """

    partitions: int = Field(
        default=4,
        ge=1,
        description="How many earlier partitions to compare with; fewer, where there are not so many.",
    )
    margin: Annotated[float, Field(gt=0, le=10)] = Field(
        default=0.5,
        description=(
            "How far from the median is still good, as a share of it; at least three times its square root,"
            " since a small number varies by chance."
        ),
    )


class NewestWithin(Strict):
    """The newest row is at most so old when the partition's last day ends.

    No clock is asked: a rerun judges alike.
    """

    hours: float = Field(
        gt=0,
        lt=24,
        description=(
            "Hours before the end of the partition's last day; all rows of a night are of its day, so fewer"
            " than 24."
        ),
    )


class KnownValues(Strict):
    """Enough rows have a value that also occurs in the same table of earlier partitions that their own gate
    has let through.
    """

    column: str = Field(
        description=(
            "As the table calls it: in raw by the source's name, which `cleanse.rename: snake_case` brings"
            " into snake case."
        )
    )
    mostly: Annotated[float, Field(ge=0.01, le=1)] = Field(
        description="The share of rows (without those that have no value) that must be known."
    )
    partitions: int = Field(
        default=7,
        ge=1,
        description="How many earlier partitions to look into; fewer, where there are not so many.",
    )


class NotTellingLabel(Strict):
    """No feature alone says what the label is: its correlation with the label (a category: its correlation
    ratio) is limited.

    Asked in trainings. Always asked of every number and category feature, with 0.95 for a binary label and
    0.98 for a regression's, unless the file states it itself for that feature. Texts are left out: no single
    number says what they tell.
    """

    column: str = Field(description="A number or category feature.")
    max_value: Annotated[float, Field(gt=0, le=0.999)] = Field(
        description=(
            "The greatest correlation allowed, whatever its sign; what tells more than 0.999 is the label."
        )
    )


class LikeEarlierDays(Strict):
    """A column is like it was on earlier days that their own gates have let through.

    Compared are: how the values of a number lie among its usual quantiles (of a date: its days from the row's
    own), the shares of a category's common values and of new ones, the share of rows with a value, the hours
    of the day, on what other column it depends most, the share of alarms, the scores of a model version. Each
    closes the gate only if it is both improbable (at most one closed gate a year, by chance, over all
    built-in comparisons of a use case) and large. Where weekdays differ, a day is compared with the nearest
    of them, once four weeks are there; the values of a column whose days lie far apart otherwise have no
    level and are not compared, which the gate's page says. Always asked of clean, features and predictions,
    unless the file states it itself for that column. What is right all the same is said by `python -m
    pipelines gates accept`: from then on the new level is usual.
    """

    column: str = Field(description="Of clean, features or predictions.")
    shift: Annotated[float, Field(gt=0, lt=3.2)] = Field(
        default=0.4,
        description=(
            "The least shift of a share that closes, as Cohen's h: 0.4 is from 0.5 to 0.7, or from 0.1 to"
            " 0.25; of the share of rows with a value at most 0.2."
        ),
    )


class NewRows(Strict):
    """The rows of a night are no rows of an earlier one under a new date, nor the same ones twice under new
    keys.

    Also told is a copy in which one column was changed, such as a receipt number, and the time of day was
    not. As much as is usual, and what may be chance, is allowed. Always asked of clean, unless the file
    states it itself. A word by `gates accept` holds for its night alone; where rows come again for good,
    state how many.
    """

    again: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.23,
        description=(
            "The share of rows (but for key and time), or of keys, that may stand in one earlier night."
        ),
    )
    doubled: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.06,
        description="The share of rows that may repeat another one of the same night but for the key.",
    )


OWN: dict[str, type[Strict]] = {
    "expect_table_row_count_to_be_like_past_partitions": LikePast,
    "expect_newest_row_to_be_within": NewestWithin,
    "expect_column_values_to_be_known": KnownValues,
    "expect_feature_not_to_tell_the_label": NotTellingLabel,
    "expect_column_to_be_like_earlier_days": LikeEarlierDays,
    "expect_table_rows_to_be_new": NewRows,
}


class Retrain(Strict):
    """When a weekly report calls for a training.

    It does when what has changed is known (labels of it are there), and a trial shows that a newer fit surely
    helps. A broken source calls for none, nor does a week that is only unlike those before it.
    """

    when: Literal["diagnosis", "never"] = Field(
        default="diagnosis",
        description="By the report's diagnosis, or never: then it is only told what speaks for a training.",
    )
    cooldown: Annotated[Duration, Field(ge=timedelta(days=1), le=timedelta(days=366))] = Field(
        default=timedelta(days=14), description="How long after a call none follows, such as 14d."
    )
    a_year: int = Field(default=12, ge=1, le=52, description="So many calls within 365 days at most.")


class Monitoring(Strict):
    """When the weekly report turns red, and when it calls for a training."""

    min_performance: float | None = Field(
        default=None,
        description=(
            "The worst allowed primary metric on labels that are due, of the newest seven days that have"
            " them, whatever their delay. gate_drift closes where the metric's whole 95 % interval, by unit"
            " and day, is worse; where only its value is, it warns."
        ),
    )
    max_loss: Share = Field(
        default=0.1,
        description=(
            "How much of the lead over the baseline, or over the best constant where that is better, on the"
            " held-out rows of the training, may be lost on labels that are due. gate_drift closes where more"
            " is surely lost (chance does so less than once a year where days are like those before them,"
            " and hardly ever elsewhere), and where labels are due and fewer than half of the share"
            " that the training's rows had are there."
        ),
    )
    retrain: Retrain = Retrain()
    partitions: int | None = Field(
        default=None,
        ge=2,
        le=1000,
        description=(
            "How many partitions a report looks at. By default a week of hours or days (168, 7), four weeks,"
            " or three months."
        ),
    )


class Schedule(Strict):
    """Cron expressions in UTC; a DAG without one runs when triggered.

    Training also runs when a drift report calls for it (monitoring.retrain).
    """

    training: Cron | None = None
    scoring: Cron | None = None
    drift: Cron | None = None


class Demo(Strict):
    """The dates of `make demo`: a training on this day, the seven nights after it, and the week's drift
    report.
    """

    training: Day
