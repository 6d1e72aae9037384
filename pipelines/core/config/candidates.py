"""How a model is found: rows held out, folds, families and their grids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, create_model, model_validator

from pipelines.core import families
from pipelines.core.config.base import Days, Family, Identifier, PartitionName, Scalar
from pipelines.core.strict import Strict


class Folds(Strict):
    """How the training rows are cut for cross-validation."""

    by: Literal["stratified", "group", "time", "shuffle"]
    n: int = Field(default=4, ge=2, le=20)
    group: Identifier | None = Field(
        default=None, description="by group: the column whose rows stay together."
    )

    @model_validator(mode="after")
    def _group_named(self) -> Folds:
        if (self.by == "group") != (self.group is not None):
            raise ValueError("`group` names the column that `by: group` keeps together: give both or neither")
        return self


class Split(Strict):
    """Which labelled rows a training takes, which of them are held out, and how the others are cut into
    folds.
    """

    window_days: Days = Field(ge=2, description="The days of labelled rows that a training takes.")
    by: Literal["time", "hash"] = Field(
        description="time: the last days are held out. hash: rows, by the md5 of their key (or group)."
    )
    test: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.25, description="The share held out: of the days, or of the rows."
    )
    folds: Folds


class Search(Strict):
    """One model family and the values to try.

    A bare name is a parameter of the model; `step__name` reaches into the Pipeline.
    """

    grid: dict[str, tuple[Scalar, ...]] = Field(default={})
    search: Literal["grid", "random", "halving"] = "grid"
    n: int | None = Field(default=None, ge=1, description="random: how many combinations to draw.")
    early_stopping: int | None = Field(
        default=None,
        ge=1,
        description=(
            "xgboost: each combination grows on all folds side by side until so many trees more make the mean"
            " score over the folds no better (the rule of `xgboost.cv`), `n_estimators` at most. The trials,"
            " and the best model, have the number of trees chosen."
        ),
    )

    @model_validator(mode="after")
    def _search_whole(self) -> Search:
        if (self.search == "random") != (self.n is not None):
            raise ValueError("`n` says how many combinations `search: random` draws: give both or neither")
        if self.search == "halving" and self.early_stopping is not None:
            raise ValueError(
                "`search: halving` gives up combinations early, `early_stopping` trees: give one of them"
            )
        empty = sorted(name for name, values in self.grid.items() if not values)
        if empty:
            raise ValueError(f"no values to try for {', '.join(empty)}")
        return self


class Baseline(Strict):
    """What a model must beat.

    Without a rule: the constant that is worth most by the primary metric on the training labels: for cost,
    alarms for all rows or for none, whichever is cheaper; for asymmetric the quantile that costs least; for
    mae the median; for all others the share of positive rows, or the mean label. With a rule, that constant
    must be beaten, too.
    """

    rule: Identifier | None = Field(
        default=None, description="A number feature that is itself taken as the score."
    )


class Keep(Strict):
    """What a training is about that keeps the champion's model: Sluice writes it into the file that such a
    run goes by. In a file of one's own it is a mistake.
    """

    version: str = Field(pattern="^[0-9]+$", description="The version whose model is kept.")
    since: PartitionName = Field(
        description="The first day whose rows the calibration and the threshold are learned on."
    )
    judged_from: PartitionName = Field(description="The first held-out day.")


class _Candidates(Strict):
    """The families that compete; each becomes one mapped task of the training DAG."""

    if TYPE_CHECKING:
        baseline: Baseline
        keep: Keep | None
        seed: int
        refit: Literal["all", "none"]

    @property
    def families(self) -> tuple[Family, ...]:
        """The declared families, in a fixed order."""
        return tuple(family.name for family in families.EVERY if getattr(self, family.name) is not None)

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.families:
            every = ", ".join(family.name for family in families.EVERY)
            raise ValueError(f"no candidate: declare at least one of {every}")
        stopping = [
            name
            for name in self.families
            if not families.named(name).grows and getattr(self, name).early_stopping is not None
        ]
        if stopping:
            growing = " and ".join(family.name for family in families.EVERY if family.grows)
            raise ValueError(
                f"`early_stopping` is for {growing}, whose trees improve on one another: leave it out of"
                f" {', '.join(stopping)}"
            )
        return self


if TYPE_CHECKING:
    Candidates = _Candidates
else:
    Candidates = create_model(
        "Candidates",
        __base__=_Candidates,
        __doc__=_Candidates.__doc__,
        baseline=(Baseline, Baseline()),
        **{family.name: (Search | None, None) for family in families.EVERY},
        keep=(Keep | None, None),
        seed=(int, 7),
        refit=(
            Literal["all", "none"],
            Field(
                default="all",
                description=(
                    "all: once it is judged, the winner is fitted again by the same parameters on all"
                    " labelled rows, the held-out ones among them, and this fit scores. none: the fit that"
                    " was judged scores, which has not seen the held-out rows; by time, these are the newest"
                    " days."
                ),
            ),
        ),
    )
