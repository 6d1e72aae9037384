"""The command line: everything that Airflow does with a use case, without Airflow.

python -m pipelines check [use case]                       all mistakes of the files, with their lines
python -m pipelines fetch [use case]                       public data into the cache, checked by sha256
python -m pipelines run <use case> <kind> <partition>      the way of one partition: every step, every gate
python -m pipelines backfill <use case> <first> <last>     nights again: by the champion of each night's morning, or of now
python -m pipelines data list|restore <use case> ...       versions of training data, and one brought back
python -m pipelines models history|at <use case> ...       who was champion when, and why
python -m pipelines models compare <use case> <one> <two>  two versions on rows that neither was trained on
python -m pipelines models rollback|retire <use case> ...  back to a former champion, or to none
python -m pipelines models approve|reject <use case> ...   a person's word on a challenger
python -m pipelines trace <use case> <key> <partition>     from a prediction back to the row and the model that made it
python -m pipelines reproduce <use case> <version>         train a version again: is it the same?
python -m pipelines gates test [use case ...]              does every gate bite? each gate against each damage
python -m pipelines gates propose <use case> <kind> <day>  expectations read off a reference partition, for review
python -m pipelines gates accept <use case> <kind> <day> <table>  what is unlike earlier days is right: once, with a reason
python -m pipelines quarantine show|replay <use case> ...  rows that were put aside, and taking them in after a fix
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, get_args

from pipelines.core import dates, use_cases
from pipelines.core.config import Kind
from pipelines.core.errors import BadUseCase, GateOpen, SluiceError, listed
from pipelines.storage import disk
from pipelines.storage.settings import Settings


def check(options: argparse.Namespace, settings: Settings) -> None:
    """Check use-case files as deeply as possible without data: keys, SQL, leaks, grids, expectations."""
    from pipelines.preflight.check import absent
    from pipelines.preflight.check import check as mistakes_of

    wrong = []
    for name in _chosen(options.use_case, settings):
        try:
            loaded = use_cases.load(settings.use_cases, name)
            if mistakes := [*mistakes_of(loaded), *absent(loaded)]:
                raise BadUseCase(use_cases.told(loaded.path, mistakes))
            print(f"{loaded.path.name}: good{_waiting(loaded, settings)}")
        except SluiceError as error:
            wrong.append(str(error))
    if wrong:
        raise BadUseCase("\n".join(wrong))


def _waiting(loaded: use_cases.Loaded, settings: Settings) -> str:
    """What of a good file takes effect only with the next model."""
    from pipelines.registry import definitions

    wait = definitions.waiting(loaded, settings)
    told = (
        f", but {definitions.counted(wait, 'wait')} for a training; until a model is promoted that has"
        " learned them, nights go by the champion's own definitions"
    )
    return f"{told}\n{listed(wait)}" if wait else ""


def fetch(options: argparse.Namespace, settings: Settings) -> None:
    """Fetch the public data of a use case (or of all)."""
    from pipelines.steps import ingest

    wrong = []
    for name in _chosen(options.use_case, settings):
        try:
            path = ingest.fetch(use_cases.load(settings.use_cases, name).use_case, settings)
            print(f"{name}: {path or 'nothing to fetch'}")
        except SluiceError as error:  # it costs no other use case its data
            wrong.append(str(error))
    if wrong:
        raise SluiceError("\n".join(wrong))


def run(options: argparse.Namespace, settings: Settings) -> None:
    """Run one partition of one use case: each step, then its gate; the first red gate ends it."""
    from pipelines import flow
    from pipelines.core import people
    from pipelines.run.run import Run

    partition = dates.parse(options.partition)
    asked = Run.open(
        options.use_case,
        options.kind,
        partition,
        settings,
        model_version=options.model_version,
        asked_by=people.user(),
    )
    flow.way(asked)


def backfill(options: argparse.Namespace, settings: Settings) -> None:
    """Run the nights of some days, by the champion of then into their predictions, or of now into a table
    beside.
    """
    from pipelines.commands import backfill
    from pipelines.core.dates import Days

    days = Days(dates.parse(options.first), dates.parse(options.last))
    for line in backfill.backfill(options.use_case, days, options.champion, settings):
        print(line, flush=True)


def data(options: argparse.Namespace, settings: Settings) -> None:
    """List the versions of a use case's training data, or bring one back into a folder of its own."""
    from pipelines.registry import snapshot

    if options.action == "list":
        for version in snapshot.versions(settings, options.use_case):
            print(f"{version.partition}  {version.md5}  {version.size:>12,} bytes")
    else:
        print(snapshot.restore(settings, options.use_case, options.version, options.to))


def models(options: argparse.Namespace, settings: Settings) -> None:
    """Ask who was champion when, and why; compare two versions.

    Go back to one, let one go, or approve of one.
    """
    from pipelines.commands import champions
    from pipelines.registry.history import History

    use_cases.load(settings.use_cases, options.use_case)  # a misspelt name has no history either
    if options.action == "history":
        for line in History.of(settings, options.use_case).read():
            print(line)
    elif options.action == "at":
        print(champions.at(settings, options.use_case, options.moment))
    elif options.action == "compare":
        for text in champions.compare(settings, options.use_case, options.one, options.other):
            print(text)
    elif options.action == "rollback":
        print(champions.rollback(settings, options.use_case, options.version, options.reason))
    elif options.action == "retire":
        print(champions.retire(settings, options.use_case, options.reason))
    else:
        said: Literal["approved", "rejected"] = "approved" if options.action == "approve" else "rejected"
        print(
            champions.answer(settings, options.use_case, dates.parse(options.partition), said, options.reason)
        )


def trace(options: argparse.Namespace, settings: Settings) -> None:
    """Go from a prediction back to its features, its row as delivered, its model, and what that was trained
    on.
    """
    from pipelines.commands import trace
    from pipelines.registry import definitions
    from pipelines.run.run import Run

    night = Run.open(options.use_case, "scoring", dates.parse(options.partition), settings, resume=True)
    for line in trace.trace(definitions.masked(night), options.key):
        print(line)


def reproduce(options: argparse.Namespace, settings: Settings) -> None:
    """Train a version again from its own data and use-case file, and say whether it is the same."""
    from pipelines.commands import reproduce

    for line in reproduce.reproduce(settings, options.use_case, options.version):
        print(line)


def gates(options: argparse.Namespace, settings: Settings) -> None:
    """Prove that every gate bites, propose expectations from a reference partition, or accept a change."""
    from pipelines.run.run import Run

    if options.action == "test":
        from pipelines.commands import selftest

        names = options.use_case or use_cases.names(settings.use_cases)
        if len(names) == 1:
            for line in selftest.proven(settings, *names):
                print(line, flush=True)
            return
        wrong = []
        for lines, said in selftest.side_by_side(settings, names):
            print(*lines, sep="\n", flush=True)
            wrong += [said] if said else []
        if wrong:
            raise GateOpen("\n".join(wrong))
    elif options.action == "accept":
        from pipelines.gates import accepted

        partition = Run.open(
            options.use_case, options.kind, dates.parse(options.partition), settings, resume=True
        )
        print(accepted.accept(partition, options.table, options.reason))
    else:
        from pipelines.gates import propose

        reference = Run.open(options.use_case, options.kind, dates.parse(options.partition), settings)
        print(propose.propose(reference, options.margin))


def quarantine(options: argparse.Namespace, settings: Settings) -> None:
    """Show the rows that were put aside, or run just them again after a fix of the rule or the source."""
    from pipelines.commands import quarantine
    from pipelines.registry import definitions
    from pipelines.run.run import Run

    if options.action == "show":
        partition = dates.parse(options.partition)
        run = Run.open(options.use_case, options.kind, partition, settings, resume=True)
        for line in quarantine.show(definitions.masked(run)):
            print(line)
    else:
        print(
            quarantine.replay(Run.open(options.use_case, "scoring", dates.parse(options.partition), settings))
        )


def schema(_: argparse.Namespace, __: Settings) -> None:
    """Print the JSON schema of use-case files, for editors."""
    print(use_cases.json_schema(), end="")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; a user's mistake ends in one message on stderr and exit code 1."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    # Libraries narrate their own lives at INFO; only Sluice's steps are news.
    for noisy in ("alembic", "mlflow", "great_expectations", "dvc", "skl2onnx"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    command: Callable[[argparse.Namespace, Settings], None] = options.command
    try:
        settings = Settings.from_env()
        with disk.room_for(options.command.__name__, settings.var):
            command(options, settings)
    except SluiceError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _chosen(name: str | None, settings: Settings) -> list[str]:
    return [name] if name else use_cases.names(settings.use_cases)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pipelines", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(command: Callable[[argparse.Namespace, Settings], None]) -> argparse.ArgumentParser:
        sub = commands.add_parser(command.__name__, help=command.__doc__, description=command.__doc__)
        sub.set_defaults(command=command)
        return sub

    add(check).add_argument("use_case", nargs="?")
    add(fetch).add_argument("use_case", nargs="?")
    running = add(run)
    _add_partition(running)
    running.add_argument("--model-version", help="score with this version instead of the champion")
    again = add(backfill)
    again.add_argument("use_case")
    again.add_argument("first", help="the first night, as YYYY-MM-DD")
    again.add_argument("last", help="the last night")
    again.add_argument(
        "--champion",
        choices=("then", "now"),
        default="then",
        help=(
            "then (the default): the champion of each night's own morning, into its predictions; now: today's"
            " champion, into what_if/ beside them"
        ),
    )
    versions = add(data).add_subparsers(dest="action", required=True, metavar="list|restore")
    versions.add_parser("list", help="list versions").add_argument("use_case")
    restoring = versions.add_parser("restore", help="bring a version back")
    restoring.add_argument("use_case")
    restoring.add_argument("version", help="a training partition (YYYY-MM-DD) or an md5 of `data list`")
    restoring.add_argument("to", type=Path, help="a folder that does not exist yet")
    _add_models(add(models))
    tracing = add(trace)
    tracing.add_argument("use_case")
    tracing.add_argument("key", help="the row's key, as the source has it")
    tracing.add_argument("partition", help="the night, as YYYY-MM-DD")
    again = add(reproduce)
    again.add_argument("use_case")
    again.add_argument("version", help="a model version of `models history`, or of MLflow's registry")
    gating = add(gates).add_subparsers(dest="action", required=True, metavar="test|propose|accept")
    gating.add_parser(
        "test", help="damage a good partition in every way; each gate must turn red"
    ).add_argument("use_case", nargs="*")
    proposing = gating.add_parser(
        "propose", help="write expectations read off a reference partition into the use-case file, for review"
    )
    _add_partition(proposing)
    proposing.add_argument(
        "--margin",
        type=float,
        default=0.5,
        help="how far beyond the reference is still good, as a share (0.5)",
    )
    accepting = gating.add_parser(
        "accept", help="say that what a gate has found unlike earlier days is right"
    )
    _add_partition(accepting)
    accepting.add_argument(
        "table", choices=("clean", "features", "predictions"), help="what the gate has judged"
    )
    accepting.add_argument("--reason", required=True, help="why, for whoever reads it later")
    aside = add(quarantine).add_subparsers(dest="action", required=True, metavar="show|replay")
    _add_partition(aside.add_parser("show", help="list the rows that were put aside, and why"))
    replaying = aside.add_parser("replay", help="run just them again, and publish what is good now")
    replaying.add_argument("use_case")
    replaying.add_argument("partition", help="a night, as YYYY-MM-DD")
    add(schema)
    return parser


def _add_models(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(
        dest="action", required=True, metavar="history|at|compare|rollback|retire|approve|reject"
    )

    def add(name: str, told: str, *others: str, reason: bool = False) -> argparse.ArgumentParser:
        action = actions.add_parser(name, help=told, description=told)
        for argument in ("use_case", *others):
            action.add_argument(argument)
        if reason:
            action.add_argument("--reason", required=True, help="why, for whoever reads the history")
        return action

    add("history", "every decision, oldest first")
    add(
        "at",
        "who was champion on a day (YYYY-MM-DD, its end) or at a moment (YYYY-MM-DDTHH:MM, UTC)",
        "moment",
    )
    add(
        "compare",
        "two versions on rows that neither was trained on, each metric with its interval",
        "one",
        "other",
    )
    add(
        "rollback",
        "make a former champion the champion again, of the nights that are due from today on",
        "version",
        reason=True,
    )
    add("retire", "let there be no champion: the next training need only beat the baseline", reason=True)
    add(
        "approve",
        "approve of a training's challenger (promotion.approval), named by its partition",
        "partition",
        reason=True,
    )
    add("reject", "reject it", "partition", reason=True)


def _add_partition(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("use_case")
    parser.add_argument("kind", choices=get_args(Kind))
    parser.add_argument("partition", help="a day, as YYYY-MM-DD; for drift the first day of the week")


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `... | head` ends quietly, as other commands do
    sys.exit(main())
