"""What every service owes to the others and to the machine: pinned, healthy, limited, without rights that it
does not need.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from scripts.cluster import compose, ready
from scripts.cluster.check.settings import placeholders
from scripts.cluster.compose import Service

WORKER = ("airflow", "celery", "worker")
PINNED = re.compile(r"^[^:@]+(/[^:@]+)*(:\d[\w.-]*|@sha256:[0-9a-f]{64})$")
LOOPBACK = ("127.0.0.1:", "[::1]:")


def mistakes(document: dict[str, Any]) -> Iterator[str]:
    """Everything that is wrong, a sentence each."""
    services = [compose.service(document, name, placeholders(document)) for name in document["services"]]
    for service in services:
        for mistake in (*_of(service), *_order(service, {other.name: other for other in services})):
            yield f"{service.name}: {mistake}"
    yield from _apart(services)


def _of(service: Service) -> Iterator[str]:
    facts = service.facts
    if not PINNED.match(facts.get("image", "")):
        yield f"image {facts.get('image')!r} is not pinned: give it an exact tag or a digest"
    for port in facts.get("ports", []):
        host = port.get("host_ip", "") + ":" if isinstance(port, dict) else port
        if not host.startswith(LOOPBACK):
            yield f"port {port} is published on every interface: write 127.0.0.1:{port}"
    if not service.once and not service.health_check and not service.unasked:
        yield "has no health check, so that nobody knows whether it is well"
    if facts.get("restart") not in ("no", "unless-stopped", "always"):
        yield "has no restart policy: unless-stopped, or no for what is meant to end"
    limits = facts.get("deploy", {}).get("resources", {}).get("limits", {})
    if missing := sorted({"cpus", "memory"} - set(limits)):
        yield f"has no limit of {' and '.join(missing)} (deploy.resources.limits)"
    yield from _rights(facts)
    if service.ours:
        yield from _ready(service)


def _rights(facts: dict[str, Any]) -> Iterator[str]:
    if str(facts.get("user", "root")).split(":")[0] in ("root", "0"):
        yield "runs as root: set `user` to another one"
    if facts.get("privileged") or facts.get("network_mode") or facts.get("pid"):
        yield "privileged, network_mode and pid lift the walls around it: remove them"
    if facts.get("cap_drop") != ["ALL"] or facts.get("cap_add"):
        yield "keeps capabilities: cap_drop: [ALL], and no cap_add"
    if "no-new-privileges:true" not in facts.get("security_opt", []):
        yield "may gain privileges: security_opt: [no-new-privileges:true]"
    if facts.get("read_only") is not True:
        yield "may write into its image: read_only: true, and volumes for what it has to write"
    if facts.get("init") is not True:
        yield "has nobody who collects its dead children: init: true"
    if facts.get("networks") != ["sluice"]:
        yield "is not on the network `sluice` alone"


def _ready(service: Service) -> Iterator[str]:
    entry = ["python", "-m", "scripts.cluster.ready"]
    if service.command[:3] != entry:
        yield f"does not look whether everything is there before it starts: entrypoint: {entry}"
        return
    command = service.command[3:]
    words = next((known for known in ready.NEEDS if tuple(command[: len(known)]) == known), None)
    if words is None:
        yield f"what {' '.join(command)!r} needs is not said in scripts/cluster/ready.py"
    for variable in sorted(set(ready.NEEDS.get(words or (), ())) - set(service.environment)):
        yield f"needs {variable}, which is not in its environment"
    if words == WORKER:
        for variable in (ready.FERNET, ready.JWT, ready.DATABASE):
            if variable in service.environment:
                yield f"runs the use cases' own code and must not have {variable}"


def _order(service: Service, others: dict[str, Service]) -> Iterator[str]:
    for name, condition in service.waits_for.items():
        if name not in others:
            yield f"waits for {name!r}, which is no service"
        elif others[name].unasked and condition != "service_started":
            yield f"waits until {name} is well, whose health check is switched off"
        elif condition == "service_completed_successfully" and not others[name].once:
            yield f"waits until {name} has ended, which is not meant to"


def _apart(services: list[Service]) -> Iterator[str]:
    """Airflow and MLflow each keep their schema's version in a table of the same name: together they destroy
    each other's.
    """
    owners: dict[str, set[str]] = {}
    for service in services:
        for variable in (ready.DATABASE, ready.RESULTS, ready.MLFLOW_DATABASE):
            if variable in service.environment:
                database = service.environment[variable].partition("@")[2]
                owners.setdefault(database, set()).add(variable)
    for database, sharing in owners.items():
        if len(sharing) > 1:
            yield f"{' and '.join(sorted(sharing))} share the database {database}: each needs its own"
