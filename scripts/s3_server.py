"""moto's S3 server, in whose conditional writes one may trust: `python -m scripts.s3_server <port>`.

For tests, and for a cluster without containers.

moto answers requests side by side, and looks at an object before it writes it: two writers at once may both
be told that they were the first. Here it answers one request at a time.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

HOST = "127.0.0.1"


class OneAtATime:
    """A WSGI application that answers one request after the other."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application
        self._turn = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        """Answer, whole."""
        with self._turn:
            return list(self._application(environ, start_response))


if __name__ == "__main__":
    run_simple(
        HOST, int(sys.argv[1]), OneAtATime(DomainDispatcherApplication(create_backend_app)), threaded=True
    )
