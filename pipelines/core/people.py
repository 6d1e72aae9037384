"""Who a person is, as far as this machine knows."""

from __future__ import annotations

import os
import pwd


def user() -> str:
    """The login name of whoever runs this process: the system's own word, since the environment's can be set
    by anybody.
    """
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # as in a container
        return f"user {number}"
