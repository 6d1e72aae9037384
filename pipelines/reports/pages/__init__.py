"""Pages for a person: jinja2 templates beside this file, all of them extensions of `base.html.j2`.

A page is one file that needs nothing else: no script, no font, no picture from elsewhere. It can be mailed,
and Airflow's Report tab shows it in a frame that lets nothing out.
"""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

DUST = 1e-9  # what the order of a sum leaves of nothing


def render(template: str, **values: Any) -> str:
    """Fill in a template of this folder: values are escaped, and a value that the template misses is an
    error.
    """
    return _environment().get_template(template).render(**values)


def png(picture: bytes) -> str:
    """A picture as a data URI, for `<img src>`."""
    return "data:image/png;base64," + base64.b64encode(picture).decode()


def number(value: float | None, digits: int = 4) -> str:
    """A metric as a person reads it: so many decimals below 1, so many digits above.

    A dash where there is none.
    """
    if value is None:
        return "—"
    if abs(value) < DUST:
        return "0"
    if value == round(value):
        return f"{value:,.0f}"
    size = abs(value)
    if size < 10 ** (1 - digits):
        return f"{value:.2g}"
    before = len(str(int(size))) if size >= 1 else 0
    return f"{value:,.{max(digits - before, 0)}f}"


def with_sign(value: float | None) -> str:
    """A gain, whose sign is always told."""
    return number(value) if value is None or value < DUST else f"+{number(value)}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(png=png, number=number, signed=with_sign)
    return environment
