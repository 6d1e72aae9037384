"""The tables of a run, each fact about one told once: its columns, of which tables it is made, its pieces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipelines.core.config import UseCase

Names = Callable[[UseCase], tuple[str, ...]]


def _none(_: UseCase) -> tuple[str, ...]:
    return ()


def _families(use_case: UseCase) -> tuple[str, ...]:
    return use_case.candidates.families


def _sources(use_case: UseCase) -> tuple[str, ...]:
    return tuple(use_case.sources)


@dataclass(frozen=True)
class Table:
    """What is known of a table before there is any row of it.

    Attributes:
        name: Its folder's name in a partition, and in the names of its gate and report.
        columns: Those that expectations may name, over all kinds of run; none where no gate judges it.
        made_of: The table of its own partition that it is made of first of all.
        same_rows: Whether it has that table's rows, less those that were put aside.
        pieces: The names of the pieces that are published one by one, and read as one; none: it is whole.
        key: The column that names a row, where there is one.
        with_it: Tables that its gate judges besides.
        looks_back: Whether there is such a table only where features look back.
    """

    name: str
    columns: Names = _none
    made_of: str | None = None
    same_rows: bool = False
    pieces: Names = _none
    key: Callable[[UseCase], str | None] = lambda _: None
    with_it: tuple[str, ...] = ()
    looks_back: bool = False

    def published_as(self, use_case: UseCase) -> tuple[str, ...]:
        """The names under which it is published: its own, or those of its pieces."""
        return tuple(f"{self.name}/{piece}" for piece in self.pieces(use_case)) or (self.name,)


def _key(use_case: UseCase) -> str:
    return use_case.key


def _kept_columns(use_case: UseCase) -> tuple[str, ...]:
    return use_case.kept_columns


def _features(use_case: UseCase) -> tuple[str, ...]:
    units = (use_case.split.folds.group, use_case.unit_column)
    names = (use_case.key, use_case.time, use_case.target, *use_case.features.names, *filter(None, units))
    return (*dict.fromkeys(names), "split")


def _trials(_: UseCase) -> tuple[str, ...]:
    scores = ("mean_score", "std_score", "fold_scores", "baseline_score", "gain")
    return ("family", "candidate", "params", *scores, "best")


def scores(use_case: UseCase) -> dict[str, str]:
    """The columns of `scores`, by their types in pandas; the last ones are the families' own values."""
    without = ("baseline", "constant") if use_case.candidates.baseline.rule else ("baseline",)
    values = ("challenger", "challenger_low", "challenger_high", "champion", *without)
    gains = (f"gain_over_{other}{end}" for other in (*without, "champion") for end in ("", "_low", "_high"))
    return {
        "metric": "object",
        "slice": "object",
        "n": "int64",
        **dict.fromkeys((*values, *gains), "float64"),
        "primary": "bool",
        "champion_version": "string",
        "note": "string",
        **dict.fromkeys(use_case.candidates.families, "float64"),
    }


def _parity(_: UseCase) -> tuple[str, ...]:
    return ("family", "engine", "kind", "key", "expected", "found", "difference", "graph_sha256", "fit")


def _predictions(use_case: UseCase) -> tuple[str, ...]:
    decision = ("decision",) if use_case.task.decides else ()
    reasons = ("reasons",) if use_case.reasons else ()
    by = ("engine", "model_version", "run", "partition")
    return (use_case.key, use_case.time, "score", *decision, *reasons, *by)


# What is said of a subject in `drift`: as in the weeks before; improbable without weight; both; nothing.
AS_BEFORE, MOVED, ALARM, NOT_COMPARED = "as before", "moved", "alarm", "not compared"
# The columns of `drift`, by their types in pandas.
DRIFT = {
    "subject": "string",
    "kind": "string",
    "type": "string",
    "method": "string",
    "value": "float64",
    "threshold": "float64",
    "drifted": "boolean",
    "verdict": "string",
    "broken": "boolean",
    "season": "boolean",
    "effect": "float64",
    "score_change": "float64",
    "decisions_changed": "float64",
    "reference_missing": "float64",
    "current_missing": "float64",
    "reference_rows": "int64",
    "current_rows": "int64",
    "reference_value": "float64",
    "matured_share": "float64",
    "due_rows": "Int64",
    "reference_labelled": "float64",
    "low": "float64",
    "high": "float64",
    "reference_low": "float64",
    "reference_high": "float64",
    "standard_error": "float64",
    "judge": "string",
    "least_loss": "float64",
    "likely_loss": "float64",
    "allowed_loss": "float64",
    "detectable_loss": "float64",
    "judged_rows": "Int64",
    "judged_days": "Int64",
    "ought": "boolean",
    "note": "string",
}

# The columns of `drift_days`, which later weeks read: what of each subject was measured on each day.
DRIFT_DAYS = {
    "subject": "string",
    "statistic": "string",
    "day": "date",
    "value": "float64",
    "rows": "float64",
    "alarm": "bool",
    "graph_sha256": "string",
}

# The columns of `performance`: a row a scored day, version, slice and metric.
PERFORMANCE = {
    "day": "datetime64[us]",
    "model_version": "string",
    "slice": "string",
    "metric": "string",
    "status": "string",
    "value": "float64",
    "low": "float64",
    "high": "float64",
    "rows": "int64",
    "labelled": "int64",
    "note": "string",
}

# The columns of `diagnosis`: a row a possible cause, what a trial has shown, and what follows.
DIAGNOSIS = {
    "kind": "string",
    "subject": "string",
    "holds": "boolean",
    "chosen": "bool",
    "since": "datetime64[us]",
    "value": "float64",
    "low": "float64",
    "high": "float64",
    "threshold": "float64",
    "rows": "Int64",
    "evidence": "string",
}


def outcomes(use_case: UseCase) -> tuple[str, ...]:
    """The columns of `outcomes`: a row a prediction whose label is due. Key and time are called so, whatever
    the file calls them.
    """
    decision = ("decision",) if use_case.task.decides else ()
    taken = ("taken",) if use_case.stakes.a_day is not None else ()
    unit = ("unit",) if use_case.unit_column else ()
    slices = (f"slice_{name}" for name in use_case.slices)
    return ("key", "time", "score", *decision, *taken, "model_version", "label", *unit, *slices)


def _in_the_source(use_case: UseCase) -> str:
    return use_case.source_names[use_case.key]


EVERY: tuple[Table, ...] = (
    Table("raw", columns=lambda use_case: tuple(use_case.source_names.values()), key=_in_the_source),
    Table("past_raw", key=_in_the_source, looks_back=True),
    Table("quarantine", made_of="raw"),
    Table("clean", columns=_kept_columns, made_of="raw", same_rows=True, key=_key),
    Table("further", made_of="raw", looks_back=True),
    Table(
        name="past",
        columns=_kept_columns,
        made_of="past_raw",
        same_rows=True,
        key=_key,
        with_it=("days",),
        looks_back=True,
    ),
    Table("days", made_of="past", looks_back=True),
    Table("sources_raw", pieces=_sources),
    Table("sources_aside", pieces=_sources),
    Table("sources", pieces=_sources),
    Table("features", columns=_features, made_of="clean", same_rows=True, key=_key),
    Table("trials", columns=_trials, made_of="features", pieces=_families),
    Table("validation", made_of="features", pieces=_families),
    Table("scores", columns=lambda use_case: tuple(scores(use_case)), made_of="features"),
    Table("parity", columns=_parity, made_of="features", key=lambda _: "key"),
    Table("predictions", columns=_predictions, made_of="features", same_rows=True, key=_key),
    Table("outcomes", columns=outcomes),
    Table("performance", columns=lambda _: tuple(PERFORMANCE), made_of="outcomes"),
    Table(
        name="drift",
        columns=lambda _: tuple(DRIFT),
        made_of="outcomes",
        with_it=("outcomes", "performance", "diagnosis"),
    ),
    Table("drift_days"),
    Table("diagnosis", columns=lambda _: tuple(DIAGNOSIS)),
)
TABLES: dict[str, Table] = {table.name: table for table in EVERY}


def pieces(use_case: UseCase, table: str) -> tuple[str, ...]:
    """The pieces of a table, by which the store reads and digests it; none where it is whole."""
    return TABLES[table].pieces(use_case)
