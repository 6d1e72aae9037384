"""Evidently's report of a week, for whoever wants to see it: its own methods, beside no verdict of ours."""

from __future__ import annotations

from pathlib import Path

from pipelines.core.errors import BadInput
from pipelines.monitoring import drift_report, feature_drift, sides
from pipelines.monitoring.looks import Rows
from pipelines.reports import pages
from pipelines.run.run import Run
from pipelines.steps import week


def page(run: Run) -> str:
    """Compare samples of the champion's training and of the week.

    Args:
        run: The week's drift run, whose nights are there.

    Returns:
        A page with Evidently's in a frame that lets nothing out; without texts and personal features.

    Raises:
        BadInput: all features are texts or personal.
        TableMissing: a night of the week, or the champion's training, has no features.
    """
    use_case, read = run.use_case, week.read(run)
    hidden = feature_drift.private(use_case)
    types = {name: kind for name, kind in feature_drift.feature_types(use_case).items() if name not in hidden}
    if not types:
        raise BadInput(
            "every feature is a text or personal, and Evidently's report would show raw values",
            where=use_case.name,
            fix="look at the drift report, which compares them without showing any",
        )
    columns = [use_case.key, use_case.time, *types]
    reference = read.reference.filter(feature_drift.LEARNED)
    both = {"training": reference, "week": sides.together(read.features, columns)}
    drawn = {
        name: sides.sample(Rows(rows, use_case.key, use_case.time), types) for name, rows in both.items()
    }
    categories = [name for name, kind in types.items() if kind == "category"]
    before, now = sides.common_only(drawn["training"][0], drawn["week"][0], categories)
    return pages.render(
        "evidently.html.j2",
        use_case=use_case,
        champion=read.champion,
        week=read.days,
        evidently=drift_report.html(before, now, types, use_case.time),
        samples={what: (len(rows), n) for what, (rows, n) in drawn.items() if len(rows) < n},
        hidden=sorted(hidden),
    )


def write(run: Run, out: Path) -> str:
    """Write the page into a file, and tell where it lies.

    Raises:
        BadInput: see `page`, or the file cannot be written.
    """
    html = page(run)
    try:
        with out.open("w", encoding="utf-8") as file:
            file.write(html)
    except OSError as error:
        raise BadInput(
            f"{out} cannot be written: {error.strerror}", fix="name a file in a folder that there is"
        ) from error
    return f"{out}: Evidently's report of {run.use_case.name}, the week from {run.days}"
