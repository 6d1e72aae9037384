"""A PostgreSQL and a Redis of the tests' own, with passwords, which may be killed and started again without
hurting anybody.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from redis import Redis, RedisError

from scripts.cluster.local.processes import Process, stop
from tests.helpers.waiting import until

# PostgreSQL refuses to run as root. Its package brings a user along.
USER = "postgres" if os.getuid() == 0 else None


@contextmanager
def postgres(port: int, password: str) -> Iterator[Process]:
    """A PostgreSQL, empty, that asks for a password."""
    with _folder() as folder:
        (folder / "password").write_text(password)
        if USER:
            for path in (folder, folder / "password"):
                shutil.chown(path, USER)
        options = ["--username=postgres", "--auth=scram-sha-256", f"--pwfile={folder}/password", "--no-sync"]
        subprocess.run(
            [_program("initdb"), f"--pgdata={folder}/data", *options],
            user=USER,
            check=True,
            capture_output=True,
            cwd=folder,
        )
        settings = {
            "port": port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": folder,
            "max_connections": 200,
        }
        command = [
            _program("postgres"),
            "-D",
            f"{folder}/data",
            *(f"-c{name}={value}" for name, value in settings.items()),
        ]
        process = Process(
            "postgres",
            command,
            {"LANG": "C.UTF-8"},
            folder / "postgres.log",
            stop_signal=signal.SIGINT,
            user=USER,
        )
        process.start()
        try:
            wait(
                process,
                lambda: psycopg.connect(
                    f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"
                ).close(),
            )
            yield process
        finally:
            stop([process], seconds=10)


@contextmanager
def redis(port: int, password: str) -> Iterator[Process]:
    """A Redis, empty, that asks for a password, and keeps what it is told as that of docker-compose.yaml
    does.
    """
    with _folder() as folder:
        (folder / "redis.conf").write_text(
            f"port {port}\nbind 127.0.0.1\nrequirepass {password}\ndir {folder}\nappendonly"
            " yes\nmaxmemory-policy noeviction\n"
        )
        process = Process(
            "redis", [_program("redis-server"), f"{folder}/redis.conf"], {}, folder / "redis.log"
        )
        process.start()
        try:
            wait(process, lambda: Redis(port=port, password=password).ping())
            yield process
        finally:
            stop([process], seconds=10)


def wait(process: Process, ask: Callable[[], object]) -> None:
    """Wait until a server answers."""

    def answers() -> bool:
        try:
            ask()
        except (psycopg.OperationalError, RedisError):
            assert process.returncode is None, f"{process.name} has ended:\n{process.tail()}"
            return False
        return True

    until(answers, lambda: f"{process.name} answers:\n{process.tail()}")


@contextmanager
def _folder() -> Iterator[Path]:
    # Not pytest's: another user may not look into those.
    folder = Path(tempfile.mkdtemp(prefix="sluice-server-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _program(name: str) -> str:
    installed = [str(path / name) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    for place in (shutil.which(name), *installed):
        if place and Path(place).exists():
            return place
    raise RuntimeError(f"{name} is not installed: apt-get install postgresql redis-server")
