"""Where things lie: read once from the environment, with defaults below the project's root."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pipelines.storage import places, sqlite
from pipelines.storage.places import Place

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Places, all absolute; `from_env` names the variable that moves each."""

    data: Place
    use_cases: Path
    var: Path
    mlflow: str
    mirror: Path | None

    @classmethod
    def from_env(cls) -> Settings:
        """Read SLUICE_DATA (a folder, or s3://bucket/prefix), SLUICE_USE_CASES, SLUICE_VAR,
        MLFLOW_TRACKING_URI and SLUICE_DATA_MIRROR.

        Raises:
            BadInput: SLUICE_DATA is an address, and not one of a bucket.
        """
        var = _place("SLUICE_VAR", ROOT / "var")
        mirror = os.environ.get("SLUICE_DATA_MIRROR")
        return cls(
            data=places.of(os.environ.get("SLUICE_DATA") or "data", "SLUICE_DATA", ROOT),
            use_cases=_place("SLUICE_USE_CASES", ROOT / "include" / "use_cases"),
            var=var,
            mlflow=os.environ.get("MLFLOW_TRACKING_URI") or sqlite.url(var / "mlflow.db"),
            mirror=(ROOT / mirror).resolve() if mirror else None,
        )

    @property
    def disk(self) -> Path:
        """The data root, for what can only be done on a disk.

        Raises:
            BadInput: it is a bucket.
        """
        return places.at(self.data).on_disk()

    def probe(self) -> None:
        """Find out whether the data can be kept where they are to be; see `Backend.probe`."""
        places.at(self.data).probe()

    @property
    def cache(self) -> Path:
        """Downloaded public files."""
        return self.var / "cache"

    @property
    def artifacts(self) -> Path:
        """MLflow's artifacts (models, pictures)."""
        return self.var / "mlartifacts"


def _place(variable: str, default: Path) -> Path:
    # Relative values are meant from the project's root: a task's working directory is nobody's business.
    return (ROOT / os.environ.get(variable, str(default))).resolve()
