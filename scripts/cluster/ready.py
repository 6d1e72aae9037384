"""Run a service's command once everything that it needs is there.

Refuse, in a sentence that names the setting, if it is not.

Each container's entrypoint: `python -m scripts.cluster.ready airflow scheduler`. What is needed follows from
the command; where it is, from the environment. It looks once: waiting is the matter of Compose (depends_on,
restart) or Kubernetes.
"""

from __future__ import annotations

import os
import re
import sys
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from pipelines.core.errors import SluiceError

DATABASE, FERNET, JWT = (
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
    "AIRFLOW__CORE__FERNET_KEY",
    "AIRFLOW__API_AUTH__JWT_SECRET",
)
PAGES, BROKER, RESULTS = (
    "AIRFLOW__API__SECRET_KEY",
    "AIRFLOW__CELERY__BROKER_URL",
    "AIRFLOW__CELERY__RESULT_BACKEND",
)
MLFLOW, MLFLOW_DATABASE, DATA = "MLFLOW_TRACKING_URI", "MLFLOW_BACKEND_STORE_URI", "SLUICE_DATA"
CONTROL = (FERNET, JWT, PAGES, DATABASE)

# The command's first words -> the variables without which it must not start, in the order in which they are
# looked at.
NEEDS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("airflow", "api-server"): (*CONTROL, DATA),
    ("airflow", "scheduler"): (*CONTROL, BROKER, RESULTS),
    ("airflow", "dag-processor"): CONTROL,
    ("airflow", "triggerer"): CONTROL,
    ("airflow", "celery", "worker"): (PAGES, BROKER, RESULTS, MLFLOW, DATA),
    ("mlflow", "server"): (MLFLOW_DATABASE,),
    ("python", "-m", "scripts.cluster.init"): (FERNET, "POSTGRES_ADMIN_URL", "ADMIN_PASSWORD"),
}
SECONDS = 10  # that another service may take to answer
WAY_OUT = "start it, or set {} to where it is"


class NotReady(SluiceError):
    """Something that a process needs is missing."""


def require(command: Sequence[str], environment: Mapping[str, str]) -> None:
    """Look at everything that a command needs.

    Raises:
        NotReady: the first thing that is missing, and the setting that says where it should be.
    """
    for words, needed in NEEDS.items():
        if tuple(command[: len(words)]) == words:
            for variable in needed:
                value = environment.get(variable, "")
                if not value:
                    raise NotReady(
                        f"{' '.join(words)} needs {variable}, which is not set",
                        fix="`make env` makes a .env with all of them",
                    )
                if variable in CHECKS:
                    CHECKS[variable](variable, value)


def secret(variable: str, value: str) -> None:
    """Refuse a secret that everybody knows, or can guess."""
    if re.search(r"<[a-z]+>|changeme|change_me|^secret$|^password$|^admin$", value, re.IGNORECASE):
        raise NotReady(f"{variable} is still a template's value", fix="`make env` makes values of your own")


def fernet(variable: str, value: str) -> None:
    """Refuse what is no key."""
    from cryptography.fernet import Fernet

    secret(variable, value)
    try:
        for key in value.split(","):  # several, while keys are rotated
            Fernet(key.strip())
    except ValueError as error:
        raise NotReady(
            f"{variable} is no Fernet key: 32 random bytes as url-safe base64",
            fix="`make env` makes one (keep an old one: it decrypts)",
        ) from error


def long(variable: str, value: str) -> None:
    """Refuse a signing key that is shorter than the hash it goes into."""
    secret(variable, value)
    if len(value.encode()) < 64:
        raise NotReady(
            f"{variable} has {len(value.encode())} bytes; 64 or more are needed", fix="`make env` makes one"
        )


def postgres(variable: str, value: str) -> None:
    """Refuse a PostgreSQL that cannot be reached."""
    _ask(variable, value, "SELECT 1")


def airflow_database(variable: str, value: str) -> None:
    """Refuse a database that has not Airflow's tables, or those of another version."""
    _same_schema(variable, value, "airflow", "migrations/versions", "Airflow")


def mlflow_database(variable: str, value: str) -> None:
    """Refuse a database that has not MLflow's tables, or those of another version."""
    _same_schema(variable, value, "mlflow", "store/db_migrations/versions", "MLflow")


def broker(variable: str, value: str) -> None:
    """Refuse a broker that cannot be reached."""
    from redis import Redis, RedisError

    try:
        with Redis.from_url(value, socket_connect_timeout=SECONDS, socket_timeout=SECONDS) as client:
            client.ping()
    except (RedisError, ValueError) as error:
        raise NotReady(
            f"the broker at {shown(value)} does not answer: {first_line(error, value)}",
            fix=WAY_OUT.format(variable),
        ) from error


def mlflow_server(variable: str, value: str) -> None:
    """Refuse an MLflow server that cannot be reached; a database's address is MLflow's own matter."""
    if not value.startswith(("http://", "https://")):
        return
    try:
        with urllib.request.urlopen(f"{value.rstrip('/')}/health", timeout=SECONDS):  # noqa: S310 (http, as asked above)
            pass
    except (OSError, ValueError) as error:
        raise NotReady(
            f"MLflow at {shown(value)} does not answer: {first_line(error, value)}",
            fix=WAY_OUT.format(variable),
        ) from error


def storage(variable: str, value: str) -> None:
    """Refuse a storage in which tables cannot be published (the sentence comes with the probe), or that is
    another on each machine.
    """
    from pipelines.storage.settings import Settings

    if "://" not in value and not Path(value).is_absolute():
        raise NotReady(
            f"{variable} is {value}, a folder beside the code, which each machine has for itself",
            fix=(
                f"set {variable} to s3://<bucket>/<prefix>, or to the full path of a folder that all machines"
                " mount"
            ),
        )
    Settings.from_env().probe()


CHECKS: dict[str, Callable[[str, str], None]] = {
    FERNET: fernet,
    JWT: long,
    PAGES: long,
    DATABASE: airflow_database,
    MLFLOW_DATABASE: mlflow_database,
    "POSTGRES_ADMIN_URL": postgres,
    "ADMIN_PASSWORD": secret,
    RESULTS: postgres,
    BROKER: broker,
    MLFLOW: mlflow_server,
    DATA: storage,
}


def _same_schema(variable: str, value: str, package: str, folder: str, whose: str) -> None:
    found = _ask(variable, value, "SELECT version_num FROM alembic_version", missing_table=None)
    wanted = head(package, folder)
    if found == wanted:
        return
    revision = (
        f"has revision {found}, the installed {whose} wants {wanted}"
        if found
        else f"has no tables of {whose} yet"
    )
    raise NotReady(
        f"the database of {variable}, {shown(value)}, {revision}",
        fix=(
            "stop everything, back the database up, then run `docker compose run --rm init` (it migrates"
            " both databases)"
        ),
    )


def head(package: str, folder: str) -> str:
    """The newest revision among an installed package's migrations: the one that no other is based on.

    Read from the files, since importing Airflow takes three seconds of CPU, at every start of every service.
    """
    spec = find_spec(package)
    home = next(iter(spec.submodule_search_locations or ())) if spec else ""
    revisions: set[str] = set()
    bases: set[str] = set()
    for file in (Path(home) / folder).glob("*.py"):
        text = file.read_text(encoding="utf-8")
        revisions |= set(re.findall(r"^revision(?:: \w+)? = [\"'](\w+)[\"']", text, re.MULTILINE))
        based = re.search(r"^down_revision(?:: [^=]+)? = (\(.*?\)|\S+)", text, re.MULTILINE | re.DOTALL)
        bases |= set(re.findall(r"[\"'](\w+)[\"']", based[1])) if based else set()
    (newest,) = revisions - bases
    return newest


def _ask(variable: str, value: str, statement: str, missing_table: str | None = "") -> str | None:
    import psycopg

    # SQLAlchemy's and Celery's addresses name a driver, which psycopg does not understand.
    url = re.sub(r"^(db\+)?postgresql(\+\w+)?:", "postgresql:", value)
    if not url.startswith("postgresql:"):
        raise NotReady(
            f"{variable} is {shown(value)}; several machines need PostgreSQL",
            fix=f"set {variable} to postgresql+psycopg2://user:password@host/database",
        )
    try:
        with psycopg.connect(url, connect_timeout=SECONDS) as connection:
            found = connection.execute(statement.encode()).fetchone()
    except psycopg.errors.UndefinedTable:
        return missing_table
    except psycopg.Error as error:
        raise NotReady(
            f"the database of {variable}, {shown(value)}, cannot be used: {first_line(error, value)}",
            fix=WAY_OUT.format(variable),
        ) from error
    return str(found[0]) if found else missing_table


def shown(url: str) -> str:
    """An address without its password."""
    parts = urlsplit(url)
    return url.replace(f":{parts.password}@", ":***@") if parts.password else url


def first_line(error: Exception, url: str) -> str:
    """What went wrong, in one line, without the address's password."""
    said = (str(error).strip() or type(error).__name__).splitlines()[0]
    password = urlsplit(url).password
    return said.replace(password, "***") if password else said


def main(command: Sequence[str]) -> None:
    """Look, then become the command."""
    require(command, os.environ)
    os.execvp(command[0], list(command))  # noqa: S606 (our own command, from the compose file)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SluiceError as problem:
        sys.exit(str(problem))
