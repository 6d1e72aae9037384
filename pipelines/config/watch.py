"""What is watched, and when runs happen."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import Field, model_validator

from pipelines.config.base import Cron, Share, Strict

BESIDE = ("severity", "why")  # what may stand beside an expectation's name


class Expectation(Strict):
    """One Great Expectations expectation: `expect_...: {argument: value}`, with `severity: warn` to show without stopping."""

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
                raise ValueError(f"an expectation is one key `expect_...: {{arguments}}`, found {len(names)}: {', '.join(map(str, names))}")
            return {"name": names[0], "kwargs": value[names[0]] or {}, **{k: v for k, v in value.items() if k in BESIDE}}
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
