"""Check docker-compose.yaml against the Compose specification, our own rules, and the installed Airflow and
MLflow.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pipelines.core.errors import SluiceError
from scripts.cluster import compose
from scripts.cluster.check import installed, safety, settings


def main(file: Path) -> None:
    """Say what is wrong with a compose file, and fail if anything is.

    Raises:
        SluiceError: with every mistake.
    """
    specified = ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    if (check := subprocess.run(specified, capture_output=True, text=True, check=False)).returncode:
        raise SluiceError(
            f"{file.name} is not as the Compose specification wants it",
            details=(check.stdout or check.stderr).splitlines(),
            fix="correct the file",
        )
    document = compose.read(file)
    template = compose.TEMPLATE.read_text(encoding="utf-8")
    mistakes = [
        *safety.mistakes(document),
        *settings.mistakes(document, template),
        *installed.mistakes(document),
    ]
    if mistakes:
        print(*mistakes, sep="\n", file=sys.stderr)
        raise SluiceError(
            f"{len(mistakes)} mistakes", where=file.name, details=mistakes, fix="correct the file"
        )
    print(f"{file.name}: good")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else compose.FILE)
    except SluiceError as problem:
        sys.exit(str(problem))
