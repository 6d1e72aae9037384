"""Literal tables of the tiny use case, as the steps would write them, and ways to damage them."""

from __future__ import annotations

from datetime import date, timedelta

from pipelines.core import dates
from pipelines.core.config import GatedTable, Kind
from pipelines.run.run import Run
from pipelines.steps import past
from tests.helpers import judged

PARTITIONS: dict[Kind, date] = {
    "training": date(2026, 1, 31),
    "scoring": date(2026, 2, 1),
    "drift": date(2026, 2, 2),
}
KINDS: dict[GatedTable, Kind] = {
    "raw": "scoring",
    "clean": "scoring",
    "past": "scoring",
    "features": "training",
    "trials": "training",
    "scores": "training",
    "parity": "training",
    "predictions": "scoring",
    "drift": "drift",
}

RAW = """SELECT 'k' || i AS id, TIMESTAMP '2026-02-01' + INTERVAL 10 MINUTE * i AS at, 'c' || (i % 10) AS customer, i::DOUBLE AS amount,
         ['chip', 'online'][1 + i % 2] AS channel, NULL::BIGINT AS bad FROM range(40) AS t(i)"""

PAST = """SELECT 'p' || d || '-' || i AS id, TIMESTAMP '2026-01-25' + INTERVAL 1 DAY * d + INTERVAL 10 MINUTE * i AS at, 'c' || (i % 10) AS customer,
         i + d / 4 AS amount, ['chip', 'online'][1 + i % 2] AS channel, ((i + d) % 4 = 0)::BIGINT AS bad FROM range(7) AS days(d), range(40) AS t(i)"""

GOOD: dict[GatedTable, str] = {
    "raw": RAW,
    "clean": f"SELECT * FROM ({RAW}) WHERE amount >= 1",
    "past": PAST,
    "features": (
        """
        SELECT 'k' || i AS id, TIMESTAMP '2026-01-11' + INTERVAL 10 HOUR * i AS at, i % 2 AS bad, i::FLOAT AS amount, ln(1 + i)::FLOAT AS log_amount,
            (i % 3)::FLOAT AS payments_7d, if(i > 0, i / 2, NULL)::FLOAT AS mean_7d, if(i > 9, i % 4, NULL)::FLOAT AS bad_before,
            ['chip', 'online'][1 + i // 2 % 2] AS channel, if(i < 30, 'train', 'test') AS split
        FROM range(40) AS t(i)"""
    ),
    "trials": (
        """
        SELECT * FROM (VALUES
            ('linear', 0, '{}', 0.5::DOUBLE, 0.1::DOUBLE, '[0.5]', 0.2::DOUBLE, 0.3::DOUBLE, false), ('linear', 1, '{}', 0.6, 0.1, '[0.6]', 0.2, 0.4, true),
            ('xgboost', 0, '{}', 0.8, 0.1, '[0.8]', 0.2, 0.6, true), ('xgboost', 1, '{}', 0.1, 0.1, '[0.1]', 0.2, -0.1, false)
        ) AS t(family, candidate, params, mean_score, std_score, fold_scores, baseline_score, gain, best)"""
    ),
    "scores": (
        """
        SELECT *, NULL::VARCHAR AS champion_version, NULL::VARCHAR AS note, challenger - 0.1 AS linear, challenger AS xgboost FROM (VALUES
            ('aucpr', 'all', 10, 0.8::DOUBLE, 0.7::DOUBLE, 0.9::DOUBLE, NULL::DOUBLE, 0.2::DOUBLE, 0.6::DOUBLE, 0.5::DOUBLE, 0.7::DOUBLE,
                NULL::DOUBLE, NULL::DOUBLE, NULL::DOUBLE, true),
            ('aucpr', 'channel=chip', 5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, true),
            ('f1', 'all', 10, 0.1, 0.0, 0.2, NULL, 0.2, -0.1, -0.2, 0.0, NULL, NULL, NULL, false)
        ) AS t(metric, slice, n, challenger, challenger_low, challenger_high, champion, baseline, gain_over_baseline, gain_over_baseline_low,
            gain_over_baseline_high, gain_over_champion, gain_over_champion_low, gain_over_champion_high, "primary")"""
    ),
    "parity": (
        """
        SELECT family, engine, kind, kind || i AS key, 0.5::DOUBLE AS expected, 0.5000001::DOUBLE AS found, 1e-7::DOUBLE AS difference, 'f00' AS graph_sha256, 'judged' AS fit
        FROM (VALUES ('linear', 'onnxruntime'), ('xgboost', 'onnxruntime'), ('xgboost', 'xgboost')) AS f(family, engine), (VALUES ('real'), ('edge')) AS k(kind), range(3) AS t(i)
        UNION ALL SELECT 'linear', 'onnxruntime', 'metric', 'aucpr', 0.8, 0.8000001, 1e-7, 'f00', 'judged'
        UNION ALL SELECT 'linear', 'onnxruntime', kind, 'refit ' || kind || i, 0.5, 0.5000001, 1e-7, 'f01', 'refit'
        FROM (VALUES ('real'), ('edge')) AS k(kind), range(3) AS t(i)
        UNION ALL SELECT 'linear', 'onnxruntime', 'kept', 'aucpr', 0.8, 0.9, 0.0, 'f01', 'refit'"""
    ),
    "predictions": (
        """
        SELECT 'k' || i AS id, TIMESTAMP '2026-02-01' + INTERVAL 10 MINUTE * i AS at, i / 50 AS score, (i > 30)::TINYINT AS decision,
            'xgboost' AS engine, '3' AS model_version, 'abc' AS run, DATE '2026-02-01' AS partition
        FROM range(1, 40) AS t(i)"""
    ),
    "drift": (
        """
        SELECT subject, 'feature' AS kind, 'number' AS type, 'location' AS method, 0.5::DOUBLE AS value, 0.4::DOUBLE AS threshold, false AS drifted,
            'as before' AS verdict, false AS broken, false AS season, 0.2::DOUBLE AS effect, 0.01::DOUBLE AS score_change, 0.001::DOUBLE AS decisions_changed,
            0::DOUBLE AS reference_missing, 0::DOUBLE AS current_missing, 40 AS reference_rows, 40 AS current_rows, 0.1::DOUBLE AS reference_value,
            NULL::DOUBLE AS matured_share, NULL::BIGINT AS due_rows, NULL::DOUBLE AS reference_labelled, NULL::DOUBLE AS low, NULL::DOUBLE AS high,
            NULL::DOUBLE AS reference_low, NULL::DOUBLE AS reference_high, NULL::DOUBLE AS standard_error, NULL::VARCHAR AS judge, NULL::DOUBLE AS least_loss, NULL::DOUBLE AS likely_loss, NULL::DOUBLE AS allowed_loss,
            NULL::DOUBLE AS detectable_loss, NULL::BIGINT AS judged_rows, NULL::BIGINT AS judged_days, NULL::BOOLEAN AS ought, NULL::VARCHAR AS note
        FROM (VALUES ('amount'), ('log_amount'), ('payments_7d'), ('mean_7d'), ('bad_before'), ('channel')) AS t(subject)
        UNION ALL SELECT 'score', 'prediction', 'score', 'location', 0.1, 0.4, false, 'as before', false, false, 0, NULL, NULL, 0, 0, 40, 40, 0.1, NULL, NULL, NULL,
            NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        UNION ALL SELECT 'all features together', 'joint', 'joint', 't', 1, 2, false, 'as before', false, false, 0, NULL, NULL, 0, 0, 40, 40, 0.1, NULL, NULL, NULL,
            NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        UNION ALL SELECT 'aucpr', 'performance', 'metric', 'matured labels', 0.7, 0.5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 40, 40, 0.74, 0.7, 40, 0.9,
            0.6, 0.8, 0.7, 0.9, 0.05, '3', -0.1, -0.02, 0.05, 0.2, 40, 7, true, NULL"""
    ),
}
# A quiet week: what is asked of it, what holds, and that nothing follows.
DIAGNOSIS = """
    SELECT kind, subject, holds, chosen, since::TIMESTAMP AS since, NULL::DOUBLE AS value, NULL::DOUBLE AS low, NULL::DOUBLE AS high,
        NULL::DOUBLE AS threshold, NULL::BIGINT AS rows, 'as it is' AS evidence
    FROM (VALUES ('cause', 'broken source', false, false, NULL), ('cause', 'prior', NULL, false, NULL), ('cause', 'concept', false, false, NULL),
        ('cause', 'season', false, false, NULL), ('cause', 'covariates', false, false, NULL), ('cause', 'as before', true, true, '2026-02-02'),
        ('decision', 'nothing', false, true, NULL)) AS t(kind, subject, holds, chosen, since)"""
QUARANTINE = "SELECT 'k0' AS key, 'amount: below 1' AS reasons, '{}' AS found, true AS rejected, '{}' AS row"
# Tables whose gates ask what the week before was like.
LOOK_BACK: tuple[GatedTable, ...] = ("raw", "features")
WEEK = timedelta(days=7)
# What must lie beside a table for its gate to judge it.
BESIDE: dict[GatedTable, dict[str, str]] = {
    "clean": {"raw": RAW, "quarantine": QUARANTINE},
    "past": {"clean": f"SELECT * FROM ({RAW}) WHERE amount >= 1", "past_raw": PAST},
    "features": {"clean": GOOD["features"]},
    "predictions": {"features": GOOD["predictions"]},
    "drift": {"diagnosis": DIAGNOSIS},
}


def write(run: Run, table: GatedTable, damage: str = "SELECT * FROM rows") -> None:
    """Write a table, damaged by some SQL over `rows`, and what lies beside it."""
    for name, sql in BESIDE.get(table, {}).items():
        run.store.write(name, run.store.connection.sql(sql))
    if table == "past":
        _look_at_days(run)
    damaged = f"WITH rows AS ({GOOD[table]}) {damage}"
    if table == "trials":
        for family in run.use_case.candidates.families:
            run.store.write(
                table, run.store.connection.sql(f"FROM ({damaged}) WHERE family = '{family}'"), piece=family
            )
    else:
        run.store.write(table, run.store.connection.sql(damaged))


def _look_at_days(run: Run) -> None:
    """Write what each day of the good past holds, of which a bug in the step has made something else."""
    run = run.task()
    good, clean, raw = run.store.connection.sql(PAST), run.store.read("clean"), run.store.read("past_raw")
    every = (
        dates.past_of(run.use_case, run.kind, run.partition),
        dates.days_of(run.use_case, run.kind, run.partition),
    )
    run.store.write(
        "days", past.days(good, clean, raw, past.compute(raw, None, run.use_case).aside, run.use_case, every)
    )


def clearance(
    run: Run, table: GatedTable, day: date, damage: str = "SELECT * FROM rows", *, passed: bool = True
) -> None:
    """Publish another partition's table of the run's kind, and what its gate has said of it."""
    store = run.store.at(run.kind, day)
    store.write(table, run.store.connection.sql(f"WITH rows AS ({GOOD[table]}) {damage}"))
    judged.clearance(store, table, own=len(run.use_case.gates.get(table, ())), passed=passed)


def replaced(**columns: str) -> str:
    """SQL with other values in some columns."""
    values = ", ".join(f'{sql} AS "{name}"' for name, sql in columns.items())
    return f"SELECT * REPLACE ({values}) FROM rows"
