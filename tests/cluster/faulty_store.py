"""An object store that can be told to fail: it passes requests on to a sound one, or answers with errors, or
late, or hangs up.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

Manner = Literal["sound", "error", "late", "hung up"]
LATE = 10  # seconds
ERROR = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>InternalError</Code><Message>told to'
    b" fail</Message></Error>"
)
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding"}


@dataclass
class FaultyStore:
    """It listens on `port`, and asks the store at `behind`."""

    port: int
    behind: int
    manner: Manner = "sound"
    refused: int = 0  # requests that were not answered as they should have been
    _server: ThreadingHTTPServer = field(init=False)

    def start(self) -> None:
        """Begin to listen."""
        store = self

        class Handler(_Handler):
            faulty = store

        self._server = _Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True, name="faulty store").start()

    def stop(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def being(self, manner: Manner, seconds: float) -> Iterator[None]:
        """Fail for a while, beginning now; what is done within happens meanwhile."""
        self.manner = manner
        timer = threading.Timer(seconds, self._recover)
        timer.start()
        try:
            yield
        finally:
            timer.join()

    def _recover(self) -> None:
        self.manner = "sound"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that were killed while they asked."""


class _Handler(BaseHTTPRequestHandler):
    faulty: FaultyStore
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        manner = self.faulty.manner
        if manner != "sound":
            self.faulty.refused += 1
        if manner == "error":
            self._send(500, [("Content-Type", "application/xml")], ERROR)
        elif manner == "hung up":
            self.close_connection = True
        else:
            if manner == "late":
                time.sleep(LATE)
            self._pass_on(body)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _answer  # noqa: N815 (the names that http.server gives them)

    def _pass_on(self, body: bytes) -> None:
        behind = http.client.HTTPConnection("127.0.0.1", self.faulty.behind, timeout=60)
        try:
            behind.request(self.command, self.path, body=body or None, headers=dict(self.headers.items()))
            answer = behind.getresponse()
            content = answer.read()
        finally:
            behind.close()
        length = answer.headers.get("Content-Length") if self.command == "HEAD" else str(len(content))
        headers = [
            (name, value)
            for name, value in answer.getheaders()
            if name.lower() not in HOP_BY_HOP | {"content-length"}
        ]
        self._send(answer.status, [*headers, ("Content-Length", length or "0")], content, with_length=False)

    def _send(
        self, status: int, headers: list[tuple[str, str]], content: bytes, *, with_length: bool = True
    ) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if with_length:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of each request."""
