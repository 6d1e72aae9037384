"""What a checkout needs once: secrets, a login, and the databases of Airflow and MLflow.

Run by `scripts/setup.sh`, at any time.

Each is made aside and put in its place whole. What a killed run has left half made is found and made again;
what is whole, and in use, stays.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pipelines.core.errors import SluiceError
from pipelines.registry import tracking
from pipelines.storage import disk, sqlite
from pipelines.storage.settings import ROOT, Settings

LONG = 64  # bytes, of what signs tokens
# Half of airflow.cfg's parallelism: trainings leave room for nights. See plugins/sluice_airflow/dags.py.
POOL = ("sluice_training", "2", "Trainings, so that they leave workers to the nights")


def main() -> None:
    """Make all of it.

    Raises:
        SluiceError: Airflow could not make its database; with the end of what it said.
    """
    var = ROOT / "var"
    var.mkdir(exist_ok=True)
    # a run may have made it before: logs and databases beneath it are nobody else's, whatever their own modes
    var.chmod(0o700)
    make_secrets(var)
    print("Setting up Airflow's and MLflow's databases", flush=True)
    with ThreadPoolExecutor(2) as both:
        for made in [both.submit(make_airflow, var), both.submit(tracking.upgrade, Settings.from_env())]:
            made.result()


def make_secrets(var: Path) -> None:
    """Make the keys and the first login, unless they are there and whole."""
    _make(var / "jwt_secret", lambda: secrets.token_urlsafe(LONG), lambda found: len(found.strip()) >= LONG)
    _make(var / "secret_key", lambda: secrets.token_urlsafe(LONG), lambda found: len(found.strip()) >= LONG)
    _make(var / "fernet_key", lambda: base64.urlsafe_b64encode(os.urandom(32)).decode(), _is_fernet_key)
    if _make(var / "users.json", lambda: json.dumps({"admin": secrets.token_urlsafe(9)}), _has_admin):
        print(
            "Login of the UI (kept in var/users.json): admin /"
            f" {json.loads((var / 'users.json').read_text())['admin']}"
        )


def make_airflow(var: Path) -> None:
    """Make Airflow's database, or bring it up to date, and the pool of the trainings in it.

    Raises:
        SluiceError: Airflow could not.
    """
    log, path = var / "setup-airflow.log", var / "airflow.db"
    log.write_bytes(b"")
    sqlite.migrate(
        path, lambda address: _airflow(log, address, "db", "migrate"), anew=sqlite.revision(path) is None
    )
    _airflow(log, sqlite.url(path), "pools", "set", *POOL)


def _make(path: Path, make: Callable[[], str], is_whole: Callable[[str], bool]) -> bool:
    """Make a file unless it is there, whole; whether it was made."""
    found = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    if is_whole(found):
        path.chmod(0o600)
        return False
    if found:
        print(f"{path.relative_to(path.parent.parent)} is damaged, and made anew", flush=True)
    disk.publish(path, make().encode() + b"\n")
    return True


def _is_fernet_key(found: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(found.strip())) == 32
    except (binascii.Error, ValueError):
        return False


def _has_admin(found: str) -> bool:
    try:
        users = json.loads(found)
    except ValueError:
        return False
    return isinstance(users, dict) and bool(users.get("admin"))


def _airflow(log: Path, address: str, *arguments: str) -> None:
    environment = {**os.environ, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": address}
    with log.open("ab") as told:
        done = subprocess.run(
            ["airflow", *arguments], env=environment, stdout=told, stderr=subprocess.STDOUT, check=False
        )
    if done.returncode:
        said = log.read_text(encoding="utf-8", errors="replace").splitlines()[-7:]
        raise SluiceError(
            f"airflow {' '.join(arguments[:2])} ended with {done.returncode}; the end of its log is below",
            details=said,
            at=log,
            fix="mend its cause, and run it again",
        )


if __name__ == "__main__":
    try:
        main()
    except SluiceError as problem:
        sys.exit(str(problem))
