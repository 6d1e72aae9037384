"""Write the README's table of results from the runs that `make demo` has left for each use case."""

from __future__ import annotations

import re
from pathlib import Path

from pipelines.core.use_cases import load_all
from pipelines.evaluation import verdict
from pipelines.run.run import Run
from pipelines.storage.settings import ROOT, Settings


def main() -> None:
    """Read every use case's last demo, and put the table into README.md."""
    settings = Settings.from_env()
    rows = [
        _row(Run.open(loaded.use_case.name, "training", loaded.use_case.demo.training, settings, resume=True))
        for loaded in load_all(settings.use_cases)
    ]
    table = "\n".join(
        [
            (
                "| use case | rows: trained, held out | champion | metric | held out | baseline | better by | at"
                " the threshold | greatest ONNX difference |"
            ),
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
            *rows,
        ]
    )
    _replace(ROOT / "README.md", "results", table)


def _row(run: Run) -> str:
    judged = verdict.read(run.store.read_file("verdict.json"))
    ours, baseline, metric = judged.values[judged.winner], judged.values["baseline"], judged.metric
    better = next(rule for rule in judged.rules if rule.name == "baseline")
    trained, held_out = (
        run.store.read("features")
        .aggregate("count(*) filter (split = 'train'), count(*) filter (split = 'test')")
        .fetchall()[0]
    )
    ((parity,),) = run.store.read("parity").filter("kind = 'real'").aggregate("max(difference)").fetchall()
    at_threshold = (
        f"precision {ours['precision']:.3f}, recall {ours['recall']:.3f}" if "recall" in ours else "-"
    )
    return (
        f"| `{run.use_case.name}` | {trained:,}, {held_out:,} | {judged.winner} | {metric} |"
        f" **{ours[metric]:.4g}** | {baseline[metric]:.4g} | {better.found:.3g} ({better.low:.3g} to"
        f" {better.high:.3g}) | {at_threshold} | {parity:.1e} |"
    )


def _replace(path: Path, name: str, content: str) -> None:
    """Put content between the file's markers of this name."""
    text = path.read_text()
    pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
    changed, found = re.subn(pattern, lambda match: f"{match[1]}{content}\n{match[2]}", text, flags=re.DOTALL)
    if not found:
        raise SystemExit(f"{path.name} has no markers <!-- {name} --> and <!-- /{name} -->")
    path.write_text(changed)


if __name__ == "__main__":
    main()
