"""Make .env from .env.template: every secret with a value of its own, readable by its owner alone."""

from __future__ import annotations

import base64
import os
import re
import secrets
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values

from pipelines.core.errors import SluiceError
from pipelines.storage import disk
from pipelines.storage.settings import ROOT
from scripts.cluster.compose import TEMPLATE

# Of letters and digits only: they stand in addresses (postgresql://name:password@host), where others would
# need quoting.
MADE: dict[str, Callable[[], str]] = {
    "<password>": lambda: secrets.token_hex(16),
    "<key>": lambda: secrets.token_hex(10).upper(),
    "<secret>": lambda: secrets.token_hex(64),
    "<fernet>": lambda: base64.urlsafe_b64encode(os.urandom(32)).decode(),
}
SETTING = re.compile(r"^#([A-Z][A-Z0-9_]*)=(.*)$", re.MULTILINE)


def content() -> str:
    """The template with its secrets made up."""
    return re.sub(
        r"<[a-z]+>$", lambda found: MADE[found[0]](), TEMPLATE.read_text(encoding="utf-8"), flags=re.MULTILINE
    )


def write(path: Path) -> None:
    """Write the file, which must not exist yet: new secrets would lock us out of the databases that know the
    old ones.
    """
    with disk.draft(path.parent) as (aside, sink):
        sink.write(content().replace("`make env` writes .env from this", "Made from .env.template").encode())
        disk.finish(sink)
        try:
            os.link(aside, path)  # unlike a renaming, it takes no other file's place
        except FileExistsError as error:
            raise SluiceError(
                f"{path} exists: its secrets are in use", fix="keep it, or stop everything and move it away"
            ) from error


def read(path: Path) -> dict[str, str]:
    """The values of a .env file."""
    return {name: value or "" for name, value in dotenv_values(path, interpolate=False).items()}


def secrets_in(template: str) -> set[str]:
    """The names of what a template has to be given."""
    return {
        name
        for name, value in dotenv_values(stream=StringIO(template), interpolate=False).items()
        if value in MADE
    }


if __name__ == "__main__":
    try:
        write(ROOT / ".env")
    except SluiceError as problem:
        sys.exit(str(problem))
    print(f"Wrote {ROOT / '.env'}: the first login is admin, with ADMIN_PASSWORD.")
