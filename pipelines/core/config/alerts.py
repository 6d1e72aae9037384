"""Who is told when a task has failed for good."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from pipelines.core.config.base import ConnectionId
from pipelines.core.strict import Strict

Address = Annotated[str, Field(pattern=r"^[^@\s,;<>]+@[^@\s,;<>]+$")]


class Alerts(Strict):
    """Who is told, in Airflow, when a task has failed for good: a closed gate, a mistake, or tries that are
    used up.
    """

    mail: tuple[Address, ...] = Field(
        default=(), description="Addresses, to which Airflow's own mail connection (`smtp_default`) sends."
    )
    webhook: ConnectionId | None = Field(
        default=None,
        description=(
            "The id of an Airflow connection whose address takes a POST of JSON, such as a chat's incoming"
            " webhook; its password, if any, is sent as a bearer token."
        ),
    )

    @model_validator(mode="after")
    def _somebody(self) -> Alerts:
        if not self.mail and self.webhook is None:
            raise ValueError("names nobody; name mail addresses, a webhook, or leave alerts out")
        return self
