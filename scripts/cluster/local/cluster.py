"""The services of docker-compose.yaml as processes of this machine: `make cluster`, and the tests of the
cluster.

PostgreSQL and Redis are asked for at their addresses, moto's S3 server stands in for the object store, and
everything else is started as Compose would: the same commands with the same environment, in the order of
`depends_on`, by its health checks.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from pipelines.core.errors import SluiceError
from pipelines.storage.settings import ROOT
from scripts.cluster import compose, env
from scripts.cluster.compose import Service
from scripts.cluster.local.places import Places
from scripts.cluster.local.processes import Process, stop

STORE = "store"


class NotStarted(SluiceError):
    """A service of the cluster has ended, or is not well."""


@dataclass
class Cluster:
    """All processes, by name: `scheduler`, `worker-1`, `worker-1-logs`, ..."""

    places: Places
    workers: int = 2
    # of docker-compose.yaml, before those of the places
    values: Mapping[str, str] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=compose.read)
    processes: dict[str, Process] = field(default_factory=dict)
    checks: dict[str, list[str]] = field(default_factory=dict)  # process -> its health check
    once: set[str] = field(default_factory=set)  # processes that are meant to end

    def start(self, seconds: float = 600) -> None:
        """Start everything; return when every health check says that it is well.

        Raises:
            NotStarted: a service ended, or is not well in time; with the end of its log.
        """
        self._make_secrets()
        self._make_home()
        self.checks[STORE] = [
            "python",
            "-m",
            "scripts.cluster.healthy",
            f"http://127.0.0.1:{self.places.store_port}/moto-api/",
        ]
        self._run(
            STORE,
            ["python", "-m", "scripts.s3_server", str(self.places.store_port)],
            self.places.image(STORE, 0),
        )
        for name in self._order():
            for needed in self.service(name, 0).waits_for:
                self.wait_for(needed, seconds)
            for number in self._numbers(name):
                self._start(name, number)
        for name in list(self.processes):
            self.wait_for(name, seconds)

    def wait_for(self, name: str, seconds: float = 600) -> None:
        """Wait until a process is well, or has ended as it should.

        What is not ours to start is there already.

        Raises:
            NotStarted: it has ended, or is not well in time; with the end of its log.
        """
        deadline, process = time.monotonic() + seconds, self.processes.get(name)
        while process and not self.healthy(name):
            failed = (
                process.returncode is not None
                if name not in self.once
                else process.returncode not in (None, 0)
            )
            if failed or time.monotonic() > deadline:
                ended = "is not well" if process.returncode is None else f"ended with {process.returncode}"
                raise NotStarted(
                    f"{name} {ended}",
                    details=process.tail().splitlines()[-7:],
                    at=process.log,
                    fix="mend its cause, and start it again",
                )
            time.sleep(0.5)

    def healthy(self, name: str) -> bool:
        """What a process's health check of docker-compose.yaml says.

        Without one: whether it runs, or has ended as it should.
        """
        process, check = self.processes[name], self.checks.get(name, [])
        if process.returncode is not None or not check:
            return process.returncode == 0 if name in self.once else process.returncode is None
        return (
            subprocess.run(check, env=dict(process.environment), capture_output=True, check=False).returncode
            == 0
        )

    def restart(self, name: str) -> None:
        """Start a process again that has ended, as Compose's restart policy does."""
        self.processes[name].start()

    def revive(self) -> dict[str, int]:
        """Start again what has ended and was not meant to; return what each had ended with."""
        ended = {
            name: process.returncode for name, process in self.processes.items() if name not in self.once
        }
        gone = {name: code for name, code in ended.items() if code is not None}
        for name in gone:
            self.restart(name)
        return gone

    def stop(self) -> None:
        """Stop everything, the queue's ends first, so that the others are still there while these say
        good-bye.
        """
        first = [
            process for name, process in self.processes.items() if name.startswith(("worker", "scheduler"))
        ]
        stop(first, seconds=8)
        stop([process for process in self.processes.values() if process not in first], seconds=8)

    def __enter__(self) -> Cluster:
        """Start."""
        try:
            self.start()
        except BaseException:  # Ctrl-C as well: half a cluster is not to be left running
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    @property
    def secrets(self) -> dict[str, str]:
        """The values of this cluster's .env."""
        return env.read(self._env)

    @property
    def _env(self) -> Path:
        return self.places.folder / ".env"

    def _make_secrets(self) -> None:
        self.places.folder.mkdir(parents=True, exist_ok=True)
        if not self._env.exists():
            env.write(self._env)

    def _make_home(self) -> None:
        shutil.rmtree(self.places.home, ignore_errors=True)
        for folder in ("dags", "plugins"):
            shutil.copytree(
                ROOT / folder, self.places.home / folder, ignore=shutil.ignore_patterns("__pycache__")
            )
        shutil.copy(ROOT / "airflow.cfg", self.places.home)

    def _order(self) -> Iterator[str]:
        """The services that run our image, each after those that it waits for."""
        waits = {name: set(facts.get("depends_on", {})) for name, facts in self.document["services"].items()}
        yield from (name for name in TopologicalSorter(waits).static_order() if self.service(name, 0).ours)

    def _numbers(self, name: str) -> Iterator[int]:
        yield from range(1, self.workers + 1) if name == "worker" else (0,)

    def service(self, name: str, number: int) -> Service:
        """A service of docker-compose.yaml with this cluster's values; `number` tells workers apart."""
        values = {
            **self.secrets,
            **self.places.values(),
            **self.values,
            **self.places.of(_name(name, number), number),
        }
        return compose.service(self.document, name, values)

    def _start(self, service: str, number: int) -> Process:
        name, facts = _name(service, number), self.service(service, number)
        environment = {**self.places.image(name, number), **facts.environment}
        if service == "worker":
            self._run(f"{name}-logs", self.places.log_server(name, number), environment)
        self.checks[name] = facts.health_check
        if facts.once:
            self.once.add(name)
        return self._run(name, facts.command, environment)

    def _run(self, name: str, command: list[str], environment: Mapping[str, str]) -> Process:
        Path(environment["TMPDIR"]).mkdir(parents=True, exist_ok=True)
        self.processes[name] = Process(name, command, environment, self.places.folder / f"{name}.log")
        self.processes[name].start()
        return self.processes[name]


def _name(service: str, number: int) -> str:
    return f"{service}-{number}" if number else service
