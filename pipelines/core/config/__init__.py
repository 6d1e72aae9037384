"""The facts of one use case, as its YAML file states them: frozen, typed, and refusing what they do not know.

Pydantic and the standard library only, since every DAG file imports this module each time it is parsed. What
needs a heavier library to judge (SQL, grids, expectation names) is judged by `pipelines.preflight.check`.
"""

from __future__ import annotations

from pipelines.core.config.alerts import Alerts
from pipelines.core.config.base import (
    NAME,
    RESERVED,
    Cron,
    Duration,
    Family,
    GatedTable,
    Identifier,
    Kind,
    Model,
    Scalar,
    Step,
    duration_text,
    limit_text,
    variable_of,
)
from pipelines.core.config.candidates import Baseline, Candidates, Folds, Keep, Search, Split
from pipelines.core.config.cleanse import Cleanse
from pipelines.core.config.expected import Expected
from pipelines.core.config.features import Categories, Features, Numbers, Prepare, Texts, Window
from pipelines.core.config.judgement import Metric, Promotion, Threshold
from pipelines.core.config.limits import Delivery, Limits
from pipelines.core.config.partition import Partition
from pipelines.core.config.schema import Column, Label
from pipelines.core.config.sink import Sink
from pipelines.core.config.source import (
    DERIVE,
    DayAssignment,
    Encoding,
    FileFormat,
    FileSource,
    HttpSource,
    PythonSource,
    Source,
    SqlSource,
)
from pipelines.core.config.use_case import UseCase
from pipelines.core.config.watch import Demo, Expectation, Monitoring, Schedule
from pipelines.core.strict import Share, Strict

__all__ = [
    "DERIVE",
    "NAME",
    "RESERVED",
    "Alerts",
    "Baseline",
    "Candidates",
    "Categories",
    "Cleanse",
    "Column",
    "Cron",
    "DayAssignment",
    "Delivery",
    "Demo",
    "Duration",
    "Encoding",
    "Expectation",
    "Expected",
    "Family",
    "Features",
    "FileFormat",
    "FileSource",
    "Folds",
    "GatedTable",
    "HttpSource",
    "Identifier",
    "Keep",
    "Kind",
    "Label",
    "Limits",
    "Metric",
    "Model",
    "Monitoring",
    "Numbers",
    "Partition",
    "Prepare",
    "Promotion",
    "PythonSource",
    "Scalar",
    "Schedule",
    "Search",
    "Share",
    "Sink",
    "Source",
    "Split",
    "SqlSource",
    "Step",
    "Strict",
    "Texts",
    "Threshold",
    "UseCase",
    "Window",
    "duration_text",
    "limit_text",
    "variable_of",
]
