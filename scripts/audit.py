"""Ask which of the locked libraries have known vulnerabilities, and say it too where nobody could be asked.

pip-audit takes a library of which its service has never heard for one without vulnerabilities: behind a
mirror without PyPI's JSON it ends well, having learned nothing. So its answer is counted here, and what was
not looked at is no pass.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = sorted(ROOT.glob("requirements*.txt"))
# Known vulnerabilities that do not matter here: id -> why not. Each is a promise to look again at the next
# `make lock`.
ACCEPTED: dict[str, str] = {}
FOUND, NOT_ASKED = 1, 3  # exit codes
MOST = 5  # names in a message


@dataclass(frozen=True)
class Audit:
    """What an audit has learned.

    Attributes:
        asked: Libraries about which the service knows.
        unknown: Those about which it does not.
        vulnerable: A sentence for each known vulnerability.
        failure: Why nothing was learned, where that is so.
    """

    asked: int = 0
    unknown: tuple[str, ...] = ()
    vulnerable: tuple[str, ...] = ()
    failure: str | None = None

    @property
    def code(self) -> int:
        """The exit code: vulnerabilities go before what could not be asked."""
        if self.vulnerable:
            return FOUND
        return NOT_ASKED if self.unknown or self.failure or not self.asked else 0

    def told(self) -> str:
        """The result, in sentences."""
        if self.failure:
            return (
                f"NOT AUDITED: the advisory service cannot be asked: {self.failure}\n  way out: run `make"
                " audit` where it can be reached"
            )
        lines = (
            [f"known vulnerabilities: {len(self.vulnerable)} in {self.asked} libraries"] if self.asked else []
        )
        lines += [f"  - {each}" for each in self.vulnerable]
        if self.vulnerable:
            lines.append(
                "  way out: raise the library (`make lock`), or say in scripts/audit.py under ACCEPTED why it"
                " does not matter here"
            )
        if self.unknown:
            more = f" and {len(self.unknown) - MOST} more" if len(self.unknown) > MOST else ""
            lines.append(
                f"NOT AUDITED: the advisory service does not know {len(self.unknown)} of"
                f" {self.asked + len(self.unknown)} libraries: {', '.join(self.unknown[:MOST])}{more}\n  way"
                " out: run `make audit` where PyPI itself can be reached, not a mirror of its files"
            )
        return "\n".join(lines)


def audit(locks: Sequence[Path], *options: str) -> Audit:
    """Ask about everything that some locks name; `options` are pip-audit's."""
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--disable-pip",
        "--format",
        "json",
        "--progress-spinner",
        "off",
        *options,
    ]
    command += [argument for lock in locks for argument in ("--requirement", str(lock))]
    command += [argument for known in ACCEPTED for argument in ("--ignore-vuln", known)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        libraries = json.loads(answer.stdout)["dependencies"]
    except (ValueError, KeyError):
        return Audit(failure=(answer.stderr.strip() or "pip-audit has said nothing").splitlines()[-1][:300])
    return Audit(
        asked=sum("skip_reason" not in library for library in libraries),
        unknown=tuple(library["name"] for library in libraries if "skip_reason" in library),
        vulnerable=tuple(
            _sentence(library, known) for library in libraries for known in library.get("vulns", ())
        ),
    )


def _sentence(library: dict[str, str], known: dict[str, list[str]]) -> str:
    fixed = f"mended in {', '.join(known['fix_versions'])}" if known["fix_versions"] else "not mended yet"
    return f"{library['name']} {library['version']}: {known['id']}, {fixed}"


if __name__ == "__main__":
    result = audit(LOCKS)
    print(result.told())
    sys.exit(result.code)
