"""Servers on this machine that keep what they are sent: mail, and POSTs."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Sink:
    """What a server was sent."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    posts: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)  # path, headers, body


@contextmanager
def mail() -> Iterator[Sink]:
    """A mail server that delivers to nobody."""
    sink = Sink()

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 sink\r\n")
            while line := self.rfile.readline():
                verb = line[:4].upper()
                if verb == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    lines = iter(self.rfile.readline, b".\r\n")
                    sink.mails.append(message_from_bytes(b"".join(lines), policy=policy.default))
                self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
                if verb == b"QUIT":
                    return

    with _serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session), sink):
        yield sink


@contextmanager
def http(status: int = 200) -> Iterator[Sink]:
    """A web server that answers every POST by the same status."""
    sink = Sink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            sink.posts.append((self.path, dict(self.headers.items()), body))
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with _serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler), sink):
        yield sink


@contextmanager
def _serving(server: socketserver.TCPServer, sink: Sink) -> Iterator[None]:
    sink.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
