"""The facts of one use case, as its YAML file states them: frozen, typed, and refusing what they do not know.

Pydantic and the standard library only, since every DAG file imports this module each time it is parsed.
What needs a heavier library to judge (SQL, grids, expectation names) is judged by `pipelines.check`.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Annotated, Any, Literal, TypeAlias

from croniter import croniter
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

Kind: TypeAlias = Literal["training", "scoring", "drift"]
Step: TypeAlias = Literal["ingest", "cleanse", "features", "snapshot", "tune", "evaluate", "export", "promote", "score", "drift"]
GatedTable: TypeAlias = Literal["raw", "clean", "features", "trials", "scores", "parity", "predictions", "drift"]
Family: TypeAlias = Literal["linear", "forest", "xgboost"]

# Names that Sluice itself writes into tables; a user's column may not take them.
RESERVED = frozenset({"split", "score", "decision", "model_version", "run", "partition", "reasons", "candidate"})
NAME = r"^[a-z][a-z0-9_]*$"


def _duration(value: object) -> object:
    """Read `36h` or `7d`, the two units in which people state how far back a feature looks."""
    if isinstance(value, str):
        match = re.fullmatch(r"(\d+)\s*([hd])", value.strip())
        if not match:
            raise ValueError(f"{value!r} is not a duration: write a whole number of hours or days, such as 36h or 7d")
        number = int(match[1])
        return timedelta(hours=number) if match[2] == "h" else timedelta(days=number)
    return value


def _duration_text(value: timedelta) -> str:
    hours = int(value.total_seconds() // 3600)
    return f"{hours // 24}d" if hours % 24 == 0 else f"{hours}h"


def _cron(value: str) -> str:
    if not croniter.is_valid(value):
        raise ValueError(f"{value!r} is not a cron expression: write five fields, such as '0 2 * * *' for 02:00 every night")
    return value


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration, json_schema_input_type=str),
    PlainSerializer(_duration_text),
]
Cron = Annotated[str, BeforeValidator(_cron)]
Identifier = Annotated[str, Field(pattern=NAME)]
Share = Annotated[float, Field(ge=0, le=1)]
Scalar: TypeAlias = bool | int | float | str | None


class Strict(BaseModel):
    """Frozen, and an unknown key is an error: a misspelt option must never be a silently ignored one."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# --- where the rows come from -----------------------------------------------------------------------------------
# Every kind may `derive` columns from the source's own by SQL, e.g. a timestamp from a date and an hour.
DERIVE: Any = Field(
    default={}, description="Column -> SQL over the source's columns, for what the schema needs and the source says in pieces."
)


class FileFormat(Strict):
    """How to read a file of rows. Compression (.gz, .zst) is told by the file's name."""

    type: Literal["csv", "jsonl", "parquet"] = Field(description="csv also stands for tab-separated text: set `separator`.")
    separator: str = Field(default=",", min_length=1, max_length=1, description="CSV only.")
    header: bool = Field(
        default=True, description="CSV only: false when the first line is already a row; the columns are then the schema's, in order."
    )
    quote: str = Field(default='"', max_length=1, description="CSV only: the quoting character; empty for files whose quotes mean nothing.")
    encoding: Literal["utf-8", "latin-1", "utf-16"] = Field(default="utf-8", description="CSV only; a byte order mark is understood.")

    @model_validator(mode="after")
    def _csv_only(self) -> FileFormat:
        others = sorted(self.model_fields_set - {"type"})
        if self.type != "csv" and others:
            raise ValueError(f"{', '.join(others)}: for csv only; {self.type} files say it themselves")
        return self


class FileSource(Strict):
    """Files on disk, a path or glob from the project's root; `{partition}` in it stands for the partition's date."""

    kind: Literal["file"]
    path: str
    format: FileFormat
    derive: dict[Identifier, str] = DERIVE


class HttpSource(Strict):
    """One public file, fetched once, checked against its sha256 and kept in the cache."""

    kind: Literal["http"]
    url: str = Field(pattern=r"^https?://")
    member: str | None = Field(default=None, description="The file's name inside the archive, when the address names a zip.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="Of the file itself, after it is taken out of its archive.")
    mirror: str = Field(description="Where the file lies below SLUICE_DATA_MIRROR, a folder that replaces the download.")
    licence: str
    format: FileFormat
    derive: dict[Identifier, str] = DERIVE


class SqlSource(Strict):
    """A query through SQLAlchemy; `:start` and `:end` in it are the partition's first moment and the first one after it."""

    kind: Literal["sql"]
    connection: str = Field(description="The id of an Airflow connection (read from AIRFLOW_CONN_<ID> outside Airflow), never a password.")
    query: str
    derive: dict[Identifier, str] = DERIVE

    @property
    def variable(self) -> str:
        """The environment variable that holds the connection, as Airflow names it."""
        return f"AIRFLOW_CONN_{self.connection.upper()}"


class PythonSource(Strict):
    """A function of one's own, `package.module:function`: given a date, it returns that day's rows as a pyarrow Table."""

    kind: Literal["python"]
    function: str = Field(pattern=r"^[a-zA-Z_][\w.]*:[a-zA-Z_]\w*$")
    derive: dict[Identifier, str] = DERIVE


Source = Annotated[FileSource | HttpSource | SqlSource | PythonSource, Field(discriminator="kind")]


class Replay(Strict):
    """How rows without a date are dealt into daily partitions, so that a public data set can live like a nightly feed.

    `order` deals them in the file's order (for files that are in order of time), `hash` by the md5 of the row number.
    Either way a row always falls on the same day. Ingest adds the key (the row number, from 1) and the time.
    """

    rule: Literal["order", "hash"]
    start: date
    days: int = Field(ge=2)
    key: Identifier = Field(description="The schema's key column, which ingest fills with the row number.")
    time: Identifier = Field(description="The schema's time column, which ingest fills.")

    @property
    def end(self) -> date:
        """The last day that has rows."""
        return self.start + timedelta(days=self.days - 1)


# --- what a row is -----------------------------------------------------------------------------------------------


class Column(Strict):
    """One column of the source."""

    type: Literal["string", "integer", "number", "boolean", "date", "timestamp"]
    role: Literal["feature", "key", "time", "label", "leak", "ignored"] = Field(
        default="feature",
        description="leak: known only after the moment of prediction, refused in every feature. ignored: read and dropped.",
    )
    allowed: tuple[str | int, ...] | None = Field(
        default=None, description="The values that may occur after cleansing; others go to quarantine."
    )
    min: float | None = Field(default=None, description="Smallest value allowed after cleansing; smaller ones go to quarantine.")
    max: float | None = Field(default=None, description="Greatest value allowed after cleansing; greater ones go to quarantine.")
    required: bool = Field(default=False, description="A row without a value goes to quarantine.")
    pii: bool = Field(default=False, description="Personal: example values are masked wherever a person reads them.")
    why: str | None = Field(default=None, description="A note for the reader, e.g. why the column is a leak.")


class Label(Strict):
    """What is predicted, and when it becomes known."""

    positive: str | int | bool | None = Field(default=None, description="Binary tasks: the value that means yes.")
    delay_days: int = Field(default=0, ge=0, description="The label of a row of day D is known on day D + delay_days.")


# --- what happens to it ------------------------------------------------------------------------------------------


class Cleanse(Strict):
    """Row-wise repairs, in the order of these keys. What must be learned from many rows stands in `prepare`."""

    rename: dict[str, Identifier] = Field(default={}, description="Source column -> column. The schema speaks of the new names.")
    trim: bool = Field(default=True, description="Strip white space around strings and fold runs of it into one blank.")
    lower: tuple[Identifier, ...] = Field(default=(), description="String columns that are brought to lower case.")
    missing: dict[Identifier, tuple[Scalar, ...]] = Field(
        default={}, description="Column -> codes that mean missing, such as -999 or 'unknown'."
    )
    merge: dict[Identifier, dict[str, tuple[str, ...]]] = Field(
        default={}, description="Column -> {spelling to keep: spellings to merge into it}."
    )
    fill: dict[Identifier, Scalar] = Field(default={}, description="Column -> constant for a missing value.")
    drop: tuple[Identifier, ...] = Field(
        default=(), description="Columns whose missing value sends the row to quarantine; for the label: leaves the row out of training."
    )
    rules: dict[Identifier, str] = Field(
        default={}, description="Reason -> SQL condition that a good row fulfils (null counts as fulfilled); other rows go to quarantine."
    )
    duplicates: Literal["first", "last", "quarantine"] = Field(
        default="first", description="Rows with the same key: keep the first or last by time, or send all but the first to quarantine."
    )
    max_quarantined: Share = Field(default=0.05, description="A greater share of rows in quarantine turns gate_clean red.")


class Window(Strict):
    """A stretch of the past, as seen from a row: from `since` ago up to `until` ago. It never holds the row itself or a later one."""

    by: tuple[Identifier, ...] = Field(default=(), description="Only rows with the same values in these columns; empty: all rows.")
    since: Duration
    until: Duration = Field(default=timedelta(0), description="0d: up to, but without, the row's own moment.")

    @model_validator(mode="after")
    def _forward(self) -> Window:
        if self.until > self.since:
            raise ValueError(
                f"since {_duration_text(self.since)} is nearer than until {_duration_text(self.until)}: a window runs from far to near"
            )
        return self


class Features(Strict):
    """Every input of the model by name, with the SQL that makes it from a clean row and, `over` a window, from its past."""

    windows: dict[Identifier, Window] = {}
    numbers: dict[Identifier, str] = {}
    categories: dict[Identifier, str] = {}
    texts: dict[Identifier, str] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The model's inputs, in order: numbers, categories, texts."""
        return (*self.numbers, *self.categories, *self.texts)

    @property
    def history(self) -> timedelta:
        """How far back the windows look."""
        return max((window.since for window in self.windows.values()), default=timedelta(0))

    @model_validator(mode="after")
    def _named_once(self) -> Features:
        names = self.names
        if not names:
            raise ValueError("no feature at all: name at least one under numbers, categories or texts")
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"named twice: {', '.join(twice)}; a feature is a number, a category or a text")
        reserved = sorted(RESERVED.intersection(names))
        if reserved:
            raise ValueError(f"{', '.join(reserved)}: Sluice writes columns of these names itself; choose other names")
        return self


class Numbers(Strict):
    """What is learned about number features on the training rows."""

    impute: Literal["median", "mean", "mode"] | float = "median"
    clip: tuple[Share, Share] | None = Field(default=None, description="Percentiles to clip outliers to, e.g. [0.005, 0.995].")
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
    min_frequency: int = Field(default=1, ge=1, description="Values rarer than this in training count as unseen.")


class Texts(Strict):
    """What is learned about text features on the training rows: words and their tf-idf weights (plain counts for trees)."""

    ngrams: tuple[int, int] = (1, 1)
    min_df: int = Field(default=2, ge=1, description="Words in fewer training texts than this are left out.")
    max_words: int = Field(default=2000, ge=1, description="Keep only the most frequent words.")


class Prepare(Strict):
    """What the model's Pipeline learns from training rows before the model itself; it travels in the ONNX graph."""

    numbers: Numbers = Numbers()
    categories: Categories = Categories()
    texts: Texts = Texts()


# --- how a model is found ----------------------------------------------------------------------------------------


class Folds(Strict):
    """How the training rows are cut for cross-validation."""

    by: Literal["stratified", "group", "time", "shuffle"]
    n: int = Field(default=4, ge=2, le=20)
    group: Identifier | None = Field(default=None, description="by group: the column whose rows stay together.")

    @model_validator(mode="after")
    def _group_named(self) -> Folds:
        if (self.by == "group") != (self.group is not None):
            raise ValueError("`group` names the column that `by: group` keeps together: give both or neither")
        return self


class Split(Strict):
    """Which labelled rows a training takes, which of them are held out, and how the others are cut into folds."""

    window_days: int = Field(ge=2, description="The days of labelled rows that a training takes.")
    by: Literal["time", "hash"] = Field(description="time: the last days are held out. hash: rows, by the md5 of their key (or group).")
    test: Annotated[float, Field(gt=0, lt=1)] = Field(default=0.25, description="The share held out: of the days, or of the rows.")
    folds: Folds


class Search(Strict):
    """One model family and the values to try. A bare name is a parameter of the model; `step__name` reaches into the Pipeline."""

    grid: dict[str, tuple[Scalar, ...]] = {}
    search: Literal["grid", "random", "halving"] = "grid"
    n: int | None = Field(default=None, ge=1, description="random: how many combinations to draw.")

    @model_validator(mode="after")
    def _n_for_random(self) -> Search:
        if (self.search == "random") != (self.n is not None):
            raise ValueError("`n` says how many combinations `search: random` draws: give both or neither")
        empty = sorted(name for name, values in self.grid.items() if not values)
        if empty:
            raise ValueError(f"no values to try for {', '.join(empty)}")
        return self


class Baseline(Strict):
    """What a model must beat. Without a rule: the prior (binary) or the mean (regression) of the training labels."""

    rule: Identifier | None = Field(default=None, description="A number feature that is itself taken as the score.")


class Candidates(Strict):
    """The families that compete; each becomes one mapped task of the training DAG."""

    baseline: Baseline = Baseline()
    linear: Search | None = None
    forest: Search | None = None
    xgboost: Search | None = None
    seed: int = 7

    @property
    def families(self) -> tuple[Family, ...]:
        """The declared families, in a fixed order."""
        every: tuple[Family, ...] = ("linear", "forest", "xgboost")
        return tuple(family for family in every if getattr(self, family) is not None)

    @model_validator(mode="after")
    def _some(self) -> Candidates:
        if not self.families:
            raise ValueError("no candidate: declare at least one of linear, forest, xgboost")
        return self


BINARY_METRICS = ("aucpr", "roc_auc", "f1", "precision", "recall", "log_loss", "brier")
REGRESSION_METRICS = ("rmse", "mae", "r2", "asymmetric")
GREATER_IS_BETTER = frozenset({"aucpr", "roc_auc", "f1", "precision", "recall", "r2"})


class Metric(Strict):
    """The primary metric: it ranks the trials and decides between champion and challenger."""

    name: Literal["aucpr", "roc_auc", "f1", "precision", "recall", "log_loss", "brier", "rmse", "mae", "r2", "asymmetric"]
    margin: float = Field(default=0.0, ge=0, description="By how much a challenger must beat the champion.")
    under_cost: float = Field(default=1.0, gt=0, description="asymmetric: the cost of one unit too low, where one unit too high costs 1.")


class MaxRecall(Strict):
    """The greatest recall whose precision is at least `precision`."""

    policy: Literal["max_recall"]
    precision: Share


class MaxPrecision(Strict):
    """The greatest precision whose recall is at least `recall`."""

    policy: Literal["max_precision"]
    recall: Share


class LeastCost(Strict):
    """The least total cost, of false alarms and of misses."""

    policy: Literal["least_cost"]
    false_positive: float = Field(gt=0)
    false_negative: float = Field(gt=0)


class Fixed(Strict):
    """This very threshold."""

    policy: Literal["fixed"]
    value: Share


Threshold = Annotated[MaxRecall | MaxPrecision | LeastCost | Fixed, Field(discriminator="policy")]


# --- what is watched ---------------------------------------------------------------------------------------------


class Expectation(Strict):
    """One Great Expectations expectation: `expect_...: {argument: value}`, with `severity: warn` to show without stopping."""

    name: str = Field(pattern=r"^expect_[a-z0-9_]+$")
    kwargs: dict[str, Any] = {}
    severity: Literal["stop", "warn"] = "stop"

    @model_validator(mode="before")
    @classmethod
    def _from_yaml(cls, value: Any) -> Any:
        """Take the YAML form, a mapping whose one `expect_...` key names the expectation."""
        if isinstance(value, dict) and "name" not in value:
            names = [key for key in value if key != "severity"]
            if len(names) != 1:
                raise ValueError(f"an expectation is one key `expect_...: {{arguments}}`, found {len(names)}: {', '.join(map(str, names))}")
            return {"name": names[0], "kwargs": value[names[0]] or {}, **{k: v for k, v in value.items() if k == "severity"}}
        return value


class Monitoring(Strict):
    """When the weekly report turns red."""

    max_drifted_share: Share = Field(default=0.5, description="The share of features that may drift before gate_drift turns red.")
    min_performance: float | None = Field(default=None, description="The worst allowed primary metric on matured labels.")


class Schedule(Strict):
    """Cron expressions in UTC; a DAG without one runs when triggered. Training also runs when drift was found."""

    training: Cron | None = None
    scoring: Cron | None = None
    drift: Cron | None = None


class Demo(Strict):
    """The dates of `make demo`: a training on this day, the seven nights after it, and the week's drift report."""

    training: date


class UseCase(Strict):
    """One use case: everything that Sluice knows about it."""

    name: Identifier
    title: str = Field(description="One sentence: what is predicted, for what, and what one row is.")
    task: Literal["binary", "regression"]
    source: Source
    replay: Replay | None = None
    columns: dict[Identifier, Column] = Field(min_length=2)
    label: Label = Label()
    cleanse: Cleanse = Cleanse()
    features: Features
    prepare: Prepare = Prepare()
    split: Split
    candidates: Candidates
    metric: Metric
    threshold: Threshold | None = Field(default=None, description="Binary tasks: how the decision threshold is chosen, on validation rows.")
    slices: tuple[Identifier, ...] = Field(default=(), description="Category features for whose values the metrics are also told.")
    gates: dict[GatedTable, tuple[Expectation, ...]] = Field(default={}, description="Expectations on top of those that always hold.")
    monitoring: Monitoring = Monitoring()
    schedule: Schedule = Schedule()
    demo: Demo

    def _with_role(self, role: str) -> str:
        return next(name for name, column in self.columns.items() if column.role == role)

    @property
    def key(self) -> str:
        """The column that names a row."""
        return self._with_role("key")

    @property
    def time(self) -> str:
        """The column with the moment of the event: naive UTC."""
        return self._with_role("time")

    @property
    def target(self) -> str:
        """The label's column; 0 or 1 (binary) or a number once the rows are clean, null while unknown."""
        return self._with_role("label")

    @property
    def leaks(self) -> tuple[str, ...]:
        """Columns that no feature may name."""
        return tuple(name for name, column in self.columns.items() if column.role == "leak")

    @property
    def kept_columns(self) -> tuple[str, ...]:
        """The columns of the clean table, in order: all but the ignored and the leaks."""
        return tuple(name for name, column in self.columns.items() if column.role not in ("ignored", "leak"))

    @property
    def greater_is_better(self) -> bool:
        """Whether more of the primary metric is better."""
        return self.metric.name in GREATER_IS_BETTER

    @model_validator(mode="after")
    def _whole(self) -> UseCase:
        mistakes = [*self._role_mistakes(), *self._reference_mistakes(), *self._task_mistakes()]
        if mistakes:
            raise ValueError("\n".join(mistakes))
        return self

    def _role_mistakes(self) -> list[str]:
        found = []
        for role in ("key", "time", "label"):
            names = [name for name, column in self.columns.items() if column.role == role]
            if len(names) != 1:
                found.append(f"columns: exactly one has role {role}, found {len(names)}{': ' + ', '.join(names) if names else ''}")
        found += [
            f"columns: {name} has role time and type {c.type}; give it type timestamp"
            for name, c in self.columns.items()
            if c.role == "time" and c.type != "timestamp"
        ]
        found += [
            f"columns: {name} is a name that Sluice writes itself; rename it under cleanse.rename"
            for name in sorted(RESERVED.intersection(self.columns))
        ]
        return found

    def _reference_mistakes(self) -> list[str]:
        """Every place that names a column or a feature names one that exists."""
        found = []
        cleanse = self.cleanse
        named = {"lower": cleanse.lower, "missing": cleanse.missing, "merge": cleanse.merge, "fill": cleanse.fill, "drop": cleanse.drop}
        columns = ", ".join(self.columns)
        for where, names in named.items():
            found += [f"cleanse.{where}: no column {name!r}; there are {columns}" for name in names if name not in self.columns]
        for window, spec in self.features.windows.items():
            found += [
                f"features.windows.{window}.by: no column {name!r}; there are {columns}" for name in spec.by if name not in self.columns
            ]
        found += [
            f"slices: {name!r} is no category feature; there are {', '.join(self.features.categories) or 'none'}"
            for name in self.slices
            if name not in self.features.categories
        ]
        rule = self.candidates.baseline.rule
        if rule is not None and rule not in self.features.numbers:
            found.append(f"candidates.baseline.rule: {rule!r} is no number feature; there are {', '.join(self.features.numbers) or 'none'}")
        group = self.split.folds.group
        if group is not None and group not in self.columns:
            found.append(f"split.folds.group: no column {group!r}; there are {columns}")
        if self.replay:
            if self.source.kind in ("sql", "python") or "{partition}" in getattr(self.source, "path", ""):
                found.append(
                    "replay: deals the rows of whole files (source kind http, or file without {partition}); this source has days of its own"
                )
            for what, name in (("key", self.replay.key), ("time", self.replay.time)):
                if self.columns.get(name) is None or self.columns[name].role != what:
                    found.append(f"replay.{what}: {name!r} is not the column with role {what}")
        return found

    def _task_mistakes(self) -> list[str]:
        found = []
        allowed = BINARY_METRICS if self.task == "binary" else REGRESSION_METRICS
        if self.metric.name not in allowed:
            found.append(f"metric.name: {self.metric.name} does not fit a {self.task} task; allowed: {', '.join(allowed)}")
        if self.task == "binary" and self.threshold is None:
            found.append("threshold: a binary task needs a policy; allowed: max_recall, max_precision, least_cost, fixed")
        if self.task == "binary" and self.label.positive is None:
            found.append("label.positive: a binary task needs the value that means yes")
        if self.task == "regression" and (self.threshold is not None or self.label.positive is not None):
            found.append("threshold and label.positive belong to binary tasks; leave them out of a regression")
        if self.task == "regression" and self.split.folds.by == "stratified":
            found.append("split.folds.by: stratified needs classes; for a regression use time, group or shuffle")
        return found
