"""An Airflow of the tests' own. Its home, database and login lie in a folder that is gone afterwards.

Airflow reads its configuration when it is imported, hence the environment is set when this module is: by the
conftest.py of the folders whose tests import Airflow.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from pipelines.storage.settings import ROOT

HOME = Path(tempfile.mkdtemp(prefix="sluice-airflow-"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
ROLES = ("admin", "op", "user", "viewer")  # and the names of their users, who all have the admin's password
LOGIN = {"username": "admin", "password": "for these tests only"}
ENVIRONMENT = {
    "AIRFLOW_HOME": str(HOME),
    "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": (
        "0"
    ),  # a test may state a DAG otherwise than the one before
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{role}:{role}" for role in ROLES),
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(HOME / "users.json"),
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME}/airflow.db",
    "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(HOME / "logs"),
    "AIRFLOW__API_AUTH__JWT_SECRET": "for these tests only, and longer than sixty-four bytes, as HMAC asks",
    "PYTHONPATH": str(ROOT),
    "SLUICE_USE_CASES": str(ROOT / "include" / "use_cases"),
}
os.environ.update(ENVIRONMENT)


@cache
def make_database() -> None:
    """Make the database, once in a session."""
    import json

    from airflow.utils.db import initdb

    (HOME / "users.json").write_text(json.dumps(dict.fromkeys(ROLES, LOGIN["password"])))
    initdb()
