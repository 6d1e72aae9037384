"""`make cluster`: docker-compose.yaml without containers, in the foreground until Ctrl-C.

What ends is started again.
"""

from __future__ import annotations

import signal
import sys
import time
from types import FrameType

from pipelines.core.errors import SluiceError
from scripts.cluster.local.cluster import Cluster
from scripts.cluster.local.places import Places


def main() -> None:
    """Start, say where, and keep everything running."""
    signal.signal(signal.SIGTERM, _interrupt)
    begun, cluster = time.monotonic(), Cluster(Places.from_env())
    print(f"Starting; what each process says is in {cluster.places.folder}", flush=True)
    with cluster:
        for name, process in cluster.processes.items():
            print(f"  {name:16} pid {process.pid}", flush=True)
        print(f"Airflow's UI after {time.monotonic() - begun:.0f} seconds: {cluster.places.ui}", flush=True)
        print(f"login: admin / ADMIN_PASSWORD in {cluster.places.folder / '.env'}   stop: Ctrl-C", flush=True)
        while True:
            time.sleep(2)
            for name, code in cluster.revive().items():
                print(f"{name} ended with {code}, and is started again", flush=True)


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("stopped")
    except SluiceError as problem:
        sys.exit(str(problem))
