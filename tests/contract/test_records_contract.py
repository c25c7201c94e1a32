"""What every backend of the records must do: order, idempotence, leases, listings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from store_servers import SteppedClock

from qlayer.errors import ConflictError, InputError, NotFoundError
from qlayer.store.base import Records
from qlayer.store.database import open_database
from qlayer.store.fake import FakeRecords
from qlayer.store.records import open_records
from qlayer.types.capsule import CapsuleSummary
from qlayer.types.check import Decision, Level
from qlayer.types.ids import CapsuleId, ModelId, RunId, digest_of
from qlayer.types.run import (
    CancelRequested,
    EventBody,
    Finished,
    Packed,
    RunRequest,
    RunStatus,
    SpecParsed,
    Started,
    Submitted,
)
from qlayer.types.spec import HttpExample, Spec
from qlayer.types.usage import TokenUsage

RUN = RunId("run-000000000001-aaaaaaaa")
LATER = RunId("run-000000000002-bbbbbbbb")
UNKNOWN = RunId("run-00000000000f-ffffffff")
REQUEST = RunRequest(text="\n\n##  Add two numbers \n\nadd(a, b)")
AWKWARD = "NUL \x00, quote ' \" %s :x, Ünï, 字, 🎉, \u2028, \\u0000"


def finished(status: RunStatus = RunStatus.SUCCEEDED) -> Finished:
    return Finished(status=status, reason="done", seconds=1.5, usage=TokenUsage(completion_tokens=7))


def summary(name: str, digits: str = "") -> CapsuleSummary:
    digest = digest_of(name)
    return CapsuleSummary(
        id=CapsuleId(f"sha256:{digits}{digest[7 + len(digits) :]}"),
        title=name,
        template="function",
        model=ModelId("m"),
        level="V2",
        allow=True,
        created_at=SteppedClock()(),
        run_id=RUN,
    )


async def _empty(url: str) -> None:
    database = await open_database(url)
    async with database.write() as connection:
        await connection.execute(text("TRUNCATE runs, run_events, capsules"))
    await database.aclose()


@pytest.fixture(params=["fake", "sqlite", pytest.param("postgres", marks=pytest.mark.server)])
async def records(
    request: pytest.FixtureRequest, tmp_path: Path, clock: SteppedClock
) -> AsyncIterator[Records]:
    if request.param == "fake":
        yield FakeRecords(now=clock)
        return
    url = f"sqlite+aiosqlite:///{tmp_path}/made/on/opening/runs.db"
    if request.param == "postgres":
        url = request.getfixturevalue("shared_postgres_url")
        await _empty(url)
    opened = await open_records(url, now=clock)
    try:
        yield opened
    finally:
        await opened.aclose()


async def test_a_submitted_run_has_one_event(records: Records, clock: SteppedClock) -> None:
    assert await records.submit(RUN, REQUEST) == (RUN, True)
    (event,) = await records.history(RUN)
    assert (event.run_id, event.seq, event.at, event.step) == (RUN, 1, clock(), None)
    assert event.body == Submitted(request=REQUEST)
    record = await records.run(RUN)
    assert record.request == REQUEST
    assert record.status is RunStatus.QUEUED


async def test_the_same_key_answers_the_first_run(records: Records) -> None:
    assert await records.submit(RUN, REQUEST, "key") == (RUN, True)
    assert await records.submit(LATER, REQUEST, "key") == (RUN, False)
    assert len(await records.runs()) == 1


async def test_the_same_key_for_another_request_is_a_conflict(records: Records) -> None:
    await records.submit(RUN, REQUEST, "key")
    with pytest.raises(ConflictError, match="another request"):
        await records.submit(LATER, RunRequest(text="something else"), "key")
    assert len(await records.runs()) == 1


async def test_the_same_id_is_the_same_run_or_a_conflict(records: Records) -> None:
    await records.submit(RUN, REQUEST)
    assert await records.submit(RUN, REQUEST) == (RUN, False)
    with pytest.raises(ConflictError, match="another request"):
        await records.submit(RUN, RunRequest(text="something else"))


async def test_a_key_used_many_times_at_once_makes_one_run(records: Records) -> None:
    ids = [RunId(f"run-{number:012x}-cccccccc") for number in range(8)]
    answers = await asyncio.gather(*(records.submit(run_id, REQUEST, "key") for run_id in ids))
    assert len({run_id for run_id, _ in answers}) == 1
    assert [created for _, created in answers].count(True) == 1


@pytest.mark.parametrize("key", ["", "x" * 201, "line\nbreak", "nul\x00"])
async def test_a_bad_key_is_refused_by_name(records: Records, key: str) -> None:
    with pytest.raises(InputError) as raised:
        await records.submit(RUN, REQUEST, key)
    assert raised.value.field == "idempotency_key"
    assert await records.runs() == ()


async def test_events_are_numbered_and_come_back_as_they_were(records: Records, clock: SteppedClock) -> None:
    example = HttpExample(method="POST", path="/x", body={"a": [1, 2.5, None, AWKWARD]}, status=200)
    bodies: list[EventBody] = [
        Started(owner=AWKWARD),
        SpecParsed(spec=Spec(title=AWKWARD, description=AWKWARD, scenario=(example,))),
        CancelRequested(),
    ]
    await records.submit(RUN, REQUEST)
    appended = []
    for body in bodies:
        clock.forward(0.25)
        appended.append(await records.append(RUN, body, step=digest_of(body)))
    assert [event.seq for event in appended] == [2, 3, 4]
    assert [event.body for event in appended] == bodies
    assert await records.history(RUN, after=1) == tuple(appended)
    assert (await records.run(RUN)).events[1:] == tuple(appended)


async def test_concurrent_appends_leave_no_gap(records: Records) -> None:
    await records.submit(RUN, REQUEST)
    events = await asyncio.gather(*(records.append(RUN, Started(owner=str(n))) for n in range(40)))
    assert sorted(event.seq for event in events) == list(range(2, 42))
    assert [event.seq for event in await records.history(RUN)] == list(range(1, 42))


async def test_the_same_step_keeps_and_returns_the_first(records: Records) -> None:
    await records.submit(RUN, REQUEST)
    step = digest_of("step")
    first = await records.append(RUN, Started(owner="first"), step=step)
    assert await records.append(RUN, Started(owner="second"), step=step) == first
    assert await records.step(RUN, step) == first
    assert await records.step(RUN, digest_of("other")) is None
    assert len(await records.history(RUN)) == 2


async def test_one_step_done_many_times_at_once_is_one_event(records: Records) -> None:
    await records.submit(RUN, REQUEST)
    step = digest_of("step")
    events = await asyncio.gather(*(records.append(RUN, Started(owner=str(n)), step=step) for n in range(8)))
    assert len({event.model_dump_json() for event in events}) == 1
    assert len(await records.history(RUN)) == 2


async def test_steps_of_different_runs_do_not_meet(records: Records) -> None:
    await records.submit(RUN, REQUEST)
    await records.submit(LATER, REQUEST)
    step = digest_of("step")
    await records.append(RUN, Started(owner="a"), step=step)
    assert (await records.append(LATER, Started(owner="b"), step=step)).body == Started(owner="b")


async def test_nothing_is_added_after_the_end(records: Records) -> None:
    await records.submit(RUN, REQUEST)
    step = digest_of("step")
    recorded = await records.append(RUN, Started(owner="a"), step=step)
    await records.append(RUN, finished())
    for body in (Started(owner="b"), CancelRequested(), finished(RunStatus.FAILED)):
        with pytest.raises(ConflictError, match="finished"):
            await records.append(RUN, body)
    assert await records.append(RUN, Started(owner="again"), step=step) == recorded
    assert len(await records.history(RUN)) == 3


async def test_history_pages(records: Records) -> None:
    await records.submit(RUN, REQUEST)
    for number in range(9):
        await records.append(RUN, Started(owner=str(number)))
    assert [event.seq for event in await records.history(RUN, after=3, limit=4)] == [4, 5, 6, 7]
    assert await records.history(RUN, after=10) == ()
    assert await records.history(RUN, after=99) == ()


async def test_an_unknown_run_is_not_found(records: Records) -> None:
    calls = (
        records.history(UNKNOWN),
        records.run(UNKNOWN),
        records.step(UNKNOWN, digest_of("x")),
        records.append(UNKNOWN, Started(owner="a")),
        records.claim(UNKNOWN, "a", 10),
        records.release(UNKNOWN, "a"),
    )
    for call in calls:
        with pytest.raises(NotFoundError) as raised:
            await call
        assert raised.value.kind == "run"


async def test_runs_are_listed_newest_first_with_what_became_of_them(
    records: Records, clock: SteppedClock
) -> None:
    await records.submit(RUN, REQUEST)
    clock.forward(60)
    await records.submit(LATER, RunRequest(text="# " + "long " * 40))
    capsule = summary("capsule").id
    decision = Decision(level=Level.V2, allow=True, reasons=("proved",))
    await records.append(RUN, Started(owner="a"))
    await records.append(RUN, Packed(capsule=capsule, decision=decision))
    later, first = await records.runs()
    assert (first.id, first.title, first.status, first.capsule) == (
        RUN,
        "Add two numbers",
        RunStatus.RUNNING,
        capsule,
    )
    assert (later.id, len(later.title), later.status, later.capsule) == (LATER, 80, RunStatus.QUEUED, None)
    assert (later.created_at - first.created_at).total_seconds() == 60
    await records.append(RUN, finished())
    assert (await records.runs())[1].status is RunStatus.SUCCEEDED


async def test_the_listing_of_runs_pages(records: Records) -> None:
    ids = [RunId(f"run-{number:012x}-dddddddd") for number in range(7)]
    for run_id in ids:
        await records.submit(run_id, REQUEST)
    page = await records.runs(limit=3)
    rest = await records.runs(limit=10, before=page[-1].id)
    assert [row.id for row in (*page, *rest)] == ids[::-1]


async def test_one_owner_holds_the_lease_until_it_expires(records: Records, clock: SteppedClock) -> None:
    await records.submit(RUN, REQUEST)
    assert await records.claim(RUN, "a", 30)
    assert not await records.claim(RUN, "b", 30)
    clock.forward(20)
    assert await records.claim(RUN, "a", 30), "the holder renews"
    clock.forward(20)
    assert not await records.claim(RUN, "b", 30)
    clock.forward(10)
    assert await records.claim(RUN, "b", 30), "the lease ran out"
    assert not await records.claim(RUN, "a", 30)


async def test_only_the_holder_releases(records: Records) -> None:
    await records.submit(RUN, REQUEST)
    await records.claim(RUN, "a", 30)
    await records.release(RUN, "b")
    assert not await records.claim(RUN, "b", 30)
    await records.release(RUN, "a")
    assert await records.claim(RUN, "b", 30)


async def test_many_claims_at_once_have_one_winner(records: Records) -> None:
    await records.submit(RUN, REQUEST)
    won = await asyncio.gather(*(records.claim(RUN, f"owner {n}", 30) for n in range(8)))
    assert won.count(True) == 1


async def test_a_finished_run_cannot_be_claimed(records: Records) -> None:
    await records.submit(RUN, REQUEST)
    await records.claim(RUN, "a", 30)
    await records.append(RUN, finished())
    assert not await records.claim(RUN, "a", 30)
    assert not await records.claim(RUN, "b", 30)


async def test_unfinished_runs_of_an_origin_without_a_living_lease(
    records: Records, clock: SteppedClock
) -> None:
    ids = [RunId(f"run-{number:012x}-eeeeeeee") for number in range(5)]
    for run_id in ids[::-1]:
        await records.submit(run_id, REQUEST.model_copy(update={"origin": "api"}))
    await records.submit(RUN, REQUEST)
    await records.append(ids[1], finished(RunStatus.CANCELLED))
    await records.claim(ids[2], "a", 30)
    await records.claim(ids[3], "a", 5)
    clock.forward(10)
    assert await records.unfinished("api") == (ids[0], ids[3], ids[4])
    assert await records.unfinished("cli") == (RUN,)
    assert await records.unfinished("job") == ()


async def test_capsules_are_listed_once_newest_first(records: Records) -> None:
    rows = [summary(f"capsule {number}") for number in range(6)]
    for row in (*rows, rows[0]):
        await records.index_capsule(row)
    page = await records.capsules(limit=4)
    rest = await records.capsules(before=page[-1].id)
    assert (*page, *rest) == tuple(rows[::-1])
    with pytest.raises(NotFoundError):
        await records.capsules(before=summary("absent").id)


async def test_one_capsule_indexed_many_times_at_once_is_one_row(records: Records) -> None:
    row = summary("capsule")
    await asyncio.gather(*(records.index_capsule(row) for _ in range(8)))
    assert await records.capsules() == (row,)


async def test_a_capsule_is_found_by_an_unambiguous_prefix(records: Records) -> None:
    one, other = summary("one", "abcdef01"), summary("other", "abcdef02")
    for row in (one, other):
        await records.index_capsule(row)
    for prefix in (one.id, one.id[:15], "abcdef01", " ABCDEF01 ", "sha256:abcdef01"):
        assert await records.find_capsule(prefix) == one
    with pytest.raises(InputError, match="more digits"):
        await records.find_capsule("abcdef")
    with pytest.raises(NotFoundError) as raised:
        await records.find_capsule("abcdef03")
    assert raised.value.kind == "capsule"


@pytest.mark.parametrize("prefix", ["", "abcde", "abcdeg", "%%%%%%", "______", "sha256:", "0" * 65])
async def test_what_names_no_capsule_is_refused(records: Records, prefix: str) -> None:
    with pytest.raises(InputError) as raised:
        await records.find_capsule(prefix)
    assert raised.value.field == "capsule"


async def test_open_records_answer_a_ping(records: Records) -> None:
    await records.ping()
