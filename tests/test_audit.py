"""The dependencies are locked, and their audit says what it has learned: pip-audit itself, asked about a
service of the test's own.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipelines.storage.settings import ROOT
from scripts.audit import FOUND, LOCKS, NOT_ASKED, Audit, audit

HOLE = {
    "id": "PYSEC-2026-1",
    "summary": "it opens the door",
    "affected": [
        {
            "package": {"name": "idna", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.7"}]}],
        }
    ],
}


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.txt"
    path.write_text(
        f"idna==3.6 \\\n    --hash=sha256:{'0' * 64}\nattrs==23.1.0 \\\n    --hash=sha256:{'0' * 64}\n"
    )
    return path


@pytest.fixture
def service() -> Iterator[str]:
    """An advisory service (OSV's protocol) that knows of one hole, in idna."""

    class Service(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            answer = json.dumps({"vulns": [HOLE]} if asked["package"]["name"] == "idna" else {}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()


def test_a_known_vulnerability_fails_the_audit_with_its_name_and_its_mending(
    lock: Path, service: str
) -> None:
    found = audit([lock], "-s", "osv", "--osv-url", service)
    assert found.code == FOUND
    assert found.vulnerable == ("idna 3.6: PYSEC-2026-1, mended in 3.7",)
    assert "known vulnerabilities: 1 in 2 libraries" in found.told()


def test_a_lock_without_known_vulnerabilities_passes(lock: Path, service: str) -> None:
    lock.write_text(lock.read_text().replace("idna", "certifi"))
    assert audit([lock], "-s", "osv", "--osv-url", service).code == 0


def test_a_service_that_cannot_be_reached_is_no_pass(lock: Path) -> None:
    found = audit([lock], "-s", "osv", "--osv-url", "http://127.0.0.1:9/v1/query")
    assert found.code == NOT_ASKED
    assert found.told().startswith("NOT AUDITED: the advisory service cannot be asked")


def test_a_library_that_the_service_does_not_know_is_no_pass() -> None:
    found = Audit(asked=2, unknown=("idna",))
    assert found.code == NOT_ASKED
    assert "NOT AUDITED: the advisory service does not know 1 of 3 libraries: idna" in found.told()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_library_is_pinned_and_hashed_and_comes_from_the_index(lock: Path) -> None:
    requirements = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n", "", lock.read_text())).splitlines()
    assert len(requirements) == len({*requirements}) > 0
    for requirement in requirements:
        assert re.fullmatch(
            r"[A-Za-z0-9._-]+(\[[\w, -]+\])?==[\w.!+]+( ;[^@]+?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*",
            requirement,
        ), requirement[:200]


def test_the_setup_installs_nothing_without_its_hash_but_this_very_checkout() -> None:
    commands = [
        line
        for line in (ROOT / "Makefile").read_text().splitlines()
        if re.search(r"\bpip (install|sync)\b", line)
    ]
    fetched = [command for command in commands if not command.endswith("--editable .")]
    assert len(fetched) >= 2
    assert all("--require-hashes" in command for command in fetched)
    # The checkout is put in place by what is there: nothing is asked of an index, for it or for building it.
    alone = {"--offline", "--no-deps", "--no-build-isolation"}
    assert all(alone <= set(command.split()) for command in commands if command not in fetched)
