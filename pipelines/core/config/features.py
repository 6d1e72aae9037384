"""What a row and its past say, and what is learned about it on training rows."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field, model_validator

from pipelines.core.config.base import RESERVED, Duration, Identifier, duration_text
from pipelines.core.strict import Share, Strict


class Window(Strict):
    """A stretch of the past, as seen from a row: from `since` ago up to `until` ago.

    It never holds the row itself or a later one.
    """

    source: Identifier | None = Field(
        default=None,
        description=(
            "One of `sources`, whose rows the window holds, instead of the use case's own; then `by` says by"
            " which columns, of the same names in both, and `until` is at least the source's delay."
        ),
    )
    by: tuple[Identifier, ...] = Field(
        default=(), description="Only rows with the same values in these columns; empty: all rows."
    )
    since: Duration
    until: Duration = Field(default=timedelta(0), description="0d: up to, but without, the row's own moment.")

    @model_validator(mode="after")
    def _forward(self) -> Window:
        if self.until > self.since:
            raise ValueError(
                f"since {duration_text(self.since)} is nearer than until {duration_text(self.until)}: a"
                " window runs from far to near"
            )
        if not self.since:
            raise ValueError(
                "since 0d: such a window never holds a row; write how far it looks back, such as 7d"
            )
        if self.source and not self.by:
            raise ValueError(
                f"a window over the rows of {self.source} has no by: write by which columns they belong to a"
                " row, such as [customer_id]"
            )
        return self


class Join(Strict):
    """The state that another source tells of a row: by the same values in some columns, the newest that was
    known at the row's moment.

    Features write `<join>.<column>`; where there is no state, it is null.
    """

    source: Identifier = Field(description="One of `sources`.")
    by: tuple[Identifier, ...] = Field(min_length=1, description="Columns of the same names in both.")
    within: Duration | None = Field(
        default=None,
        description=(
            "How old a state may be, by its time, such as 30d; an older one is none. A source with files or"
            " queries of each day needs it: so many days are read."
        ),
    )
    until: Identifier | None = Field(
        default=None,
        description="A column of the source, of type timestamp: from then on the state holds no more.",
    )


class Features(Strict):
    """Every input of the model by name, with the SQL that makes it from a clean row and, `over` a window,
    from its past.
    """

    windows: dict[Identifier, Window] = Field(default={})
    joins: dict[Identifier, Join] = Field(default={})
    numbers: dict[Identifier, str] = Field(default={})
    categories: dict[Identifier, str] = Field(default={})
    texts: dict[Identifier, str] = Field(default={})

    @property
    def names(self) -> tuple[str, ...]:
        """The model's inputs, in order: numbers, categories, texts."""
        return (*self.numbers, *self.categories, *self.texts)

    @property
    def history(self) -> timedelta:
        """How far back the windows over the use case's own rows look."""
        return max((window.since for window in self.own_windows.values()), default=timedelta(0))

    @property
    def own_windows(self) -> dict[str, Window]:
        """The windows over the use case's own rows."""
        return {name: window for name, window in self.windows.items() if window.source is None}

    @model_validator(mode="after")
    def _named_once(self) -> Features:
        names = self.names
        if not names:
            raise ValueError("no feature at all: name at least one under numbers, categories or texts")
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"named twice: {', '.join(twice)}; a feature is a number, a category or a text")
        if both := sorted(self.windows.keys() & self.joins.keys()):
            raise ValueError(f"{', '.join(both)}: the name of a window and of a join; give them two names")
        reserved = sorted(RESERVED.intersection(names))
        if reserved:
            raise ValueError(
                f"{', '.join(reserved)}: Sluice writes columns of these names itself; choose other names"
            )
        return self


class Numbers(Strict):
    """What is learned about number features on the training rows."""

    impute: Literal["median", "mean", "mode"] | float = "median"
    clip: tuple[Share, Share] | None = Field(
        default=None, description="Percentiles to clip outliers to, e.g. [0.005, 0.995]."
    )
    scale: Literal["standard", "min_max", "max_abs"] = Field(
        default="standard", description="For linear models; trees always get unscaled numbers."
    )

    @model_validator(mode="after")
    def _rising(self) -> Numbers:
        if self.clip and self.clip[0] >= self.clip[1]:
            raise ValueError(f"clip {list(self.clip)}: the first percentile must be smaller than the second")
        return self


class Categories(Strict):
    """What is learned about category features on the training rows. Unseen values never fail."""

    encode: Literal["one_hot", "ordinal", "binary"] = "one_hot"
    min_frequency: int = Field(
        default=1, ge=1, description="Values rarer than this in training count as unseen."
    )


class Texts(Strict):
    """What is learned about text features on the training rows: words and their tf-idf weights (plain counts
    for trees).
    """

    ngrams: tuple[int, int] = (1, 1)
    min_df: int = Field(default=2, ge=1, description="Words in fewer training texts than this are left out.")
    max_words: int = Field(default=2000, ge=1, description="Keep only the most frequent words.")


class Prepare(Strict):
    """What the model's Pipeline learns from training rows before the model itself.

    It travels in the ONNX graph.
    """

    numbers: Numbers = Numbers()
    categories: Categories = Categories()
    texts: Texts = Texts()
