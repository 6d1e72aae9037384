"""What is not in containers when the cluster runs on one machine: the values by which docker-compose.yaml
finds it all.

Each process plays a machine of its own: its own folder, and workers their own loopback address, since
Airflow's API server asks a worker's address for its log files.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pipelines.storage.settings import ROOT

PASSED_ON = (
    "SLUICE_DATA_MIRROR",
    "SLUICE_USE_CASES",
    "POSTGRES_PASSWORD",
    "WORKERS",
    "WORKER_SLOTS",
    "TRAINING_SLOTS",
    "PARALLELISM",
    "SLUICE_DATA",
    "MLFLOW_ARTIFACTS",
    "S3_URL",
)


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where things are; ports from `port` on."""

    folder: Path
    port: int = 18080
    postgres: str = "127.0.0.1:5432"
    broker: str = "redis://127.0.0.1:6379/0"
    database_prefix: str = "sluice_"

    @classmethod
    def from_env(cls) -> Places:
        """Read SLUICE_VAR, UI_PORT, POSTGRES, BROKER_URL and DATABASE_PREFIX."""
        return cls(
            folder=Path(os.environ.get("SLUICE_VAR", ROOT / "var")).resolve() / "cluster",
            port=int(os.environ.get("UI_PORT", cls.port)),
            postgres=os.environ.get("POSTGRES", cls.postgres),
            broker=os.environ.get("BROKER_URL", cls.broker),
            database_prefix=os.environ.get("DATABASE_PREFIX", cls.database_prefix),
        )

    @property
    def home(self) -> Path:
        """Airflow's home, as the image has it: without the secrets of `make setup`, which a service must not
        find.
        """
        return self.folder / "home"

    @property
    def ui(self) -> str:
        """The UI's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def store_port(self) -> int:
        """Where moto's S3 server listens."""
        return self.port + 2

    @property
    def log_port(self) -> int:
        """Where each worker's log server listens, on the worker's own address."""
        return self.port + 3

    def values(self) -> dict[str, str]:
        """The variables of docker-compose.yaml that are the same for all processes.

        Secrets come from the folder's .env.
        """
        return {
            "UI_PORT": str(self.port),
            "API_PORT": str(self.port),
            "API_URL": self.ui,
            "MLFLOW_PORT": str(self.port + 1),
            "MLFLOW_URL": f"http://127.0.0.1:{self.port + 1}",
            "MLFLOW_ALLOWED_HOSTS": f"127.0.0.1:{self.port + 1}",
            "S3_URL": f"http://127.0.0.1:{self.store_port}",
            "WORKER_LOG_PORT": str(self.log_port),
            "POSTGRES": self.postgres,
            "BROKER_URL": self.broker,
            "DATABASE_PREFIX": self.database_prefix,
            "LISTEN": "127.0.0.1",
            # There is no collector: a process would try to reach one for seconds before it ends.
            "METRICS": "False",
            "SLUICE_HOME": str(ROOT),
            # Two tasks of two workers are as much as a small machine can do.
            "WORKER_SLOTS": "2",
            "PARALLELISM": "5",
            "TRAINING_SLOTS": "2",
            # Airflow's own log server listens on all interfaces: see `log_server`.
            "LOG_OPTIONS": "--skip-serve-logs",
        } | {name: os.environ[name] for name in PASSED_ON if os.environ.get(name)}

    def of(self, name: str, number: int) -> dict[str, str]:
        """The variables that are a process's own."""
        return {
            "SLUICE_VAR": str(self.folder / name),
            "WORKER_OPTIONS": f"--skip-serve-logs --celery-hostname celery@{address(name, number)}",
        }

    def image(self, name: str, number: int) -> dict[str, str]:
        """The variables that a container would have from its image and from Docker."""
        return {
            "AIRFLOW_HOME": str(self.home),
            "PYTHONPATH": str(ROOT),
            "PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.folder / name),
            "TMPDIR": str(self.folder / name / "tmp"),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "PYTHONWARNINGS": "ignore",
            "DO_NOT_TRACK": "true",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "HOSTNAME": address(name, number),
        }

    def log_server(self, name: str, number: int) -> list[str]:
        """A worker's log server, Airflow's own, on the worker's address only: on one machine each worker
        needs the same port.
        """
        app = "airflow.utils.serve_logs.log_server:get_app"
        return [
            "python",
            "-m",
            "uvicorn",
            "--factory",
            app,
            "--host",
            address(name, number),
            "--port",
            str(self.log_port),
        ]


def address(name: str, number: int) -> str:
    """A process's loopback address; all but workers share one."""
    return f"127.0.0.{number + 1}" if name.startswith("worker") else "127.0.0.1"
