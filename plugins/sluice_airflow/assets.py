"""What the DAGs of one use case tell each other."""

from __future__ import annotations

from airflow.sdk import Asset, AssetAlias

GROUP = "sluice"


def champion(use_case: str) -> Asset:
    """A training has gone through all its gates."""
    return Asset(name=f"{use_case}_champion", group=GROUP)


def predictions(use_case: str) -> Asset:
    """A night's predictions have gone through their gate."""
    return Asset(name=f"{use_case}_predictions", group=GROUP)


def predictions_verdict(use_case: str) -> AssetAlias:
    """What the predictions' gate announces: `predictions`, or, after a what-if run, nothing."""
    return AssetAlias(name=f"{use_case}_predictions_verdict", group=GROUP)


def drift_found(use_case: str) -> Asset:
    """A weekly report calls for a training."""
    return Asset(name=f"{use_case}_drift_found", group=GROUP)


def drift_verdict(use_case: str) -> AssetAlias:
    """What the drift step announces: `drift_found`, or nothing at all.

    A plain outlet would fire in every quiet week, too.
    """
    return AssetAlias(name=f"{use_case}_drift_verdict", group=GROUP)
