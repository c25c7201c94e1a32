from datetime import UTC, datetime, timedelta
from pathlib import Path

from qlayer.types.ids import RunId
from qlayer.types.run import (
    CancelRequested,
    EventBody,
    Finished,
    RunEvent,
    RunRecord,
    RunRequest,
    RunStatus,
    Started,
    Submitted,
    worked_seconds,
)
from qlayer.types.usage import TokenUsage

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
SUBMITTED = Submitted(request=RunRequest(text="# Sort a list\n\nplease"))


def events(*bodies: tuple[float, EventBody]) -> tuple[RunEvent, ...]:
    return tuple(
        RunEvent(run_id=RunId("run-1"), seq=i + 1, at=BEGIN + timedelta(seconds=at), body=body)
        for i, (at, body) in enumerate(bodies)
    )


def test_time_between_two_sessions_is_not_counted() -> None:
    assert (
        worked_seconds(
            events(
                (0, SUBMITTED),
                (100, Started(owner="a")),
                (107, CancelRequested()),
                (1_000, Started(owner="b", resumed=True)),
                (1_003, CancelRequested()),
            )
        )
        == 10
    )


def test_the_status_is_what_the_events_add_up_to() -> None:
    finished = Finished(status=RunStatus.FAILED, reason="no", seconds=1, usage=TokenUsage())
    for bodies, status in (
        ([(0, SUBMITTED)], RunStatus.QUEUED),
        ([(0, SUBMITTED), (1, Started(owner="a"))], RunStatus.RUNNING),
        ([(0, SUBMITTED), (1, Started(owner="a")), (2, finished)], RunStatus.FAILED),
    ):
        assert RunRecord(id=RunId("run-1"), events=events(*bodies)).status is status


def test_a_record_survives_json() -> None:
    record = RunRecord(id=RunId("run-1"), events=events((0, SUBMITTED), (1, Started(owner="a"))))
    assert RunRecord.model_validate_json(record.model_dump_json()) == record


def test_a_record_of_an_earlier_version_loads() -> None:
    """Runs that were accepted before an upgrade are resumed after it."""
    stored = (Path(__file__).parent / "record_of_0_1_0.json").read_bytes()
    record = RunRecord.model_validate_json(stored)
    assert record.status is RunStatus.SUCCEEDED and record.capsule is not None
    assert [event.body.kind for event in record.events][-4:] == ["settled", "decided", "packed", "finished"]
