"""Red is what is surely too bad, amber what is likely to be, and a value that chance makes low is neither."""

from __future__ import annotations

from pipelines.monitoring import judged


def metric(**facts: object) -> dict[str, object]:
    usual = {"subject": "aucpr", "value": 0.5, "low": 0.4, "high": 0.6, "threshold": None, "note": None}
    usual |= {
        "current_rows": 900,
        "due_rows": 900,
        "judged_rows": 900,
        "reference_labelled": 1.0,
        "ought": True,
    }
    return {
        **usual,
        "reference_value": 0.6,
        "least_loss": -0.1,
        "likely_loss": -0.02,
        "allowed_loss": 0.05,
        **facts,
    }


def test_a_loss_that_is_greater_than_is_allowed_by_its_value_alone_is_chance() -> None:
    assert judged.red(metric(), greater=True) == judged.amber(metric(), greater=True) == []


def test_a_loss_that_is_greater_than_is_allowed_by_nine_to_one_is_amber() -> None:
    likely = metric(likely_loss=0.051)
    assert judged.red(likely, greater=True) == []
    (told,) = judged.amber(likely, greater=True)
    assert told.startswith(
        "aucpr is 0.5 (0.4 to 0.6) and was 0.6 on the held-out rows: nine to one that it is"
    )


def test_a_sure_loss_is_red_and_not_told_twice() -> None:
    sure = metric(likely_loss=0.07, least_loss=0.051)
    assert judged.amber(sure, greater=True) == []
    (told,) = judged.red(sure, greater=True)
    assert "surely worse by 0.051, and monitoring.max_loss allows 0.05" in told


def test_a_value_beyond_the_files_limit_is_amber_and_its_whole_interval_red() -> None:
    (amber,) = judged.amber(metric(threshold=0.55), greater=True)
    assert amber == "aucpr is 0.5, worse than 0.55, the worst allowed; that may be chance (0.4 to 0.6)"
    (red,) = judged.red(metric(threshold=0.65), greater=True)
    assert red.endswith("(0.4 to 0.6); monitoring.min_performance allows at least 0.65")


def test_of_an_error_more_is_worse() -> None:
    assert judged.red(metric(threshold=0.35), greater=False)
    assert not judged.red(metric(threshold=0.45), greater=False)
    assert judged.amber(metric(threshold=0.45), greater=False)
