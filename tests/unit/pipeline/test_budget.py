from datetime import UTC, datetime, timedelta

import pytest

from qlayer.errors import BudgetExceeded
from qlayer.pipeline.budget import BudgetMeter, Share
from qlayer.types.ids import RunId
from qlayer.types.run import CancelRequested, EventBody, RunEvent, RunRecord, RunRequest, Started, Submitted
from qlayer.types.usage import Budget

START = datetime(2026, 1, 1, tzinfo=UTC)


def events(*bodies: tuple[float, EventBody]) -> tuple[RunEvent, ...]:
    return tuple(
        RunEvent(run_id=RunId("run-1"), seq=i + 1, at=START + timedelta(seconds=at), body=body)
        for i, (at, body) in enumerate(bodies)
    )


def record(budget: Budget, *bodies: tuple[float, EventBody]) -> RunRecord:
    submitted = (0.0, Submitted(request=RunRequest(text="x", budget=budget)))
    return RunRecord(id=RunId("run-1"), events=events(submitted, *bodies))


def test_seconds_of_earlier_sessions_count() -> None:
    now = 50.0
    earlier = record(Budget(seconds=10), (1, Started(owner="a")), (8, CancelRequested()))
    meter = BudgetMeter(Budget(seconds=10), earlier, lambda: now)
    assert meter.seconds_left == 3
    now = 53.5
    assert meter.seconds_left == 0
    with pytest.raises(BudgetExceeded) as caught:
        meter.check()
    assert caught.value.resource == "seconds"


def test_tokens_run_out() -> None:
    meter = BudgetMeter(Budget(tokens=100), record(Budget(tokens=100)), lambda: 0.0)
    meter.check()
    meter.spend(69)
    with pytest.raises(BudgetExceeded, match="100 tokens") as caught:
        meter.check()
    assert caught.value.resource == "tokens"
    assert meter.tokens_left == 31


def test_a_budget_below_the_smallest_sample_allows_one_try() -> None:
    meter = BudgetMeter(Budget(tokens=5), record(Budget(tokens=5)), lambda: 0.0)
    meter.check()
    meter.spend(5)
    with pytest.raises(BudgetExceeded):
        meter.check()


def test_a_share_leaves_the_same_for_every_later_part() -> None:
    meter = BudgetMeter(Budget(tokens=900), record(Budget(tokens=900)), lambda: 0.0)
    share = meter.share(3)
    meter.spend(299)
    meter.check(share)
    meter.spend(1)
    with pytest.raises(BudgetExceeded, match="its share"):
        meter.check(share)
    meter.check(meter.share(1))


def test_a_part_gets_no_more_than_its_most() -> None:
    meter = BudgetMeter(Budget(tokens=900, seconds=50), record(Budget(tokens=900)), lambda: 0.0)
    assert meter.share(1, most=Share(tokens=200, seconds=30.0)) == (700, 20.0)
    assert meter.share(3, most=Share(tokens=500, seconds=40.0))[0] == 600


def test_promised_tokens_are_not_there_for_others() -> None:
    meter = BudgetMeter(Budget(tokens=100), record(Budget(tokens=100)), lambda: 0.0)
    assert meter.affordable(30) == 3
    with meter.reserved(60):
        assert (meter.tokens_left, meter.affordable(30)) == (40, 1)
    assert meter.tokens_left == 100


def test_a_pause_costs_no_seconds() -> None:
    now = 0.0
    meter = BudgetMeter(Budget(seconds=10), record(Budget(seconds=10)), lambda: now)
    now = 2.0
    with meter.paused():
        now = 60.0
    now = 61.0
    assert meter.seconds_left == 7
