"""A service's health check: is the address answered, has the job a heartbeat, does the worker answer?

`airflow jobs check` and `airflow celery inspect` say the same; each would import Airflow, four seconds of CPU
every time.
"""

from __future__ import annotations

import os
import socket
import sys
import urllib.request

FRESH = 60  # seconds since a job's last heartbeat; it has one every five


def answered(address: str) -> bool:
    """Whether a GET of this address succeeds."""
    with urllib.request.urlopen(address, timeout=8) as response:  # noqa: S310 (our own services, http)
        return bool(response.status == 200)


def beating(job: str) -> bool:
    """Whether this machine's job of a kind has told Airflow's database lately that it lives."""
    import psycopg

    url = os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg2", "")
    statement = (
        "SELECT count(*) FROM job WHERE job_type = %s AND hostname = %s AND state = 'running' "
        "AND latest_heartbeat > now() - make_interval(secs => %s)"
    )
    with psycopg.connect(url, connect_timeout=8) as connection:
        found = connection.execute(statement, (job, name(), FRESH)).fetchone()
    return bool(found and found[0])


def answers() -> bool:
    """Whether this machine's worker answers over the broker."""
    from celery import Celery

    with Celery(broker=os.environ["AIRFLOW__CELERY__BROKER_URL"]) as app:
        return bool(app.control.ping([f"celery@{name()}"], timeout=10, limit=1))


def name() -> str:
    """This machine's name: in a container its id, which the others reach it by."""
    return os.environ.get("HOSTNAME") or socket.gethostname()


def healthy(what: str) -> bool:
    """Ask for what is named on the command line."""
    if what.startswith("http"):
        return answered(what)
    return answers() if what == "celery" else beating(what)


if __name__ == "__main__":
    try:
        sys.exit(0 if healthy(sys.argv[1]) else f"{sys.argv[1]}: no sign of life")
    except Exception as error:  # noqa: BLE001 (whatever it is, the service is not well, and one line says why)
        sys.exit(
            f"{sys.argv[1]}:"
            f" {str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__}"
        )
