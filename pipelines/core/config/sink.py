"""Where the predictions also go."""

from __future__ import annotations

from pydantic import Field, field_validator

from pipelines.core.config.base import LONGEST_NAME, ConnectedPart, ConnectionId
from pipelines.core.strict import Strict


class Sink(ConnectedPart, Strict):
    """A table of a PostgreSQL database that holds each night's predictions as they are published, once their
    gate has let them through.

    It is made if it is missing; its primary key is (use_case, partition, the use case's key), so several use
    cases of the same columns may share one.
    """

    connection: ConnectionId = Field(
        description=(
            "The id of an Airflow connection (read from AIRFLOW_CONN_<ID> outside Airflow), never a password."
        )
    )
    table: str = Field(
        pattern=r"^([a-z_][a-z0-9_]*\.)?[a-z_][a-z0-9_]*$",
        description="The table, as `table` or `schema.table`; the schema has to be there.",
    )

    @field_validator("table")
    @classmethod
    def _no_longer_than_kept(cls, value: str) -> str:
        if any(len(name) > LONGEST_NAME for name in value.split(".")):
            raise ValueError(f"a name of more than {LONGEST_NAME} characters: PostgreSQL would cut it off")
        return value
