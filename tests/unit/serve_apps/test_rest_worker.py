"""The worker: bounded, takes over orphans, puts off what cannot go on, gives leases back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry
from rest_world import ScriptedPipeline, World, new_id, request_for, until

from qlayer.errors import LLMUnavailable
from qlayer.store.fake import FakeRecords
from qlayer.telemetry.metrics import PrometheusInstrument
from qlayer.types.ids import RunId
from serve_apps.rest import worker as worker_module
from serve_apps.rest.metrics import ApiMeter
from serve_apps.rest.worker import RunWorker


def worker_of(pipeline: ScriptedPipeline, *, max_runs: int = 2, owner: str = "w") -> RunWorker:
    registry = CollectorRegistry()
    meter = ApiMeter(lambda metric: PrometheusInstrument(metric, registry))
    return RunWorker(pipeline, pipeline.records, meter, owner=owner, max_runs=max_runs, scan_s=0.02)


async def submitted(records: FakeRecords, count: int = 1) -> list[RunId]:
    return [(await records.submit(new_id(), request_for()))[0] for _ in range(count)]


async def all_finished(records: FakeRecords, ids: list[RunId]) -> bool:
    return all([(await records.run(run_id)).finished is not None for run_id in ids])


async def test_no_more_than_max_runs_are_worked_on_at_once(world: World) -> None:
    at_work = peak = 0

    async def work(_: RunId) -> None:
        nonlocal at_work, peak
        at_work += 1
        peak = max(peak, at_work)
        await asyncio.sleep(0.02)
        at_work -= 1

    world.pipeline.work = work
    ids = await submitted(world.records, 7)
    async with worker_of(world.pipeline, max_runs=3) as worker:
        for run_id in ids:
            worker.take(run_id)
            worker.take(run_id)
        await until(lambda: all_finished(world.records, ids))
    assert peak == 3
    assert sorted(world.pipeline.executed) == sorted(ids)


async def test_a_run_whose_worker_died_is_taken_over_when_its_lease_expires(world: World) -> None:
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    records = FakeRecords(now=lambda: now[0])
    pipeline = ScriptedPipeline(records)
    [run_id] = await submitted(records)
    assert await records.claim(run_id, "killed", 30)
    async with worker_of(pipeline):
        await asyncio.sleep(0.1)
        assert pipeline.executed == []
        now[0] += timedelta(seconds=31)
        await until(lambda: all_finished(records, [run_id]))
    assert pipeline.executed == [run_id]


async def test_runs_of_the_command_line_are_left_alone(world: World) -> None:
    run_id, _ = await world.records.submit(new_id(), request_for().model_copy(update={"origin": "cli"}))
    async with worker_of(world.pipeline):
        await asyncio.sleep(0.1)
    assert not await all_finished(world.records, [run_id])


async def test_a_run_that_cannot_go_on_is_tried_again_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "FIRST_DELAY_S", 0.05)
    tries: list[float] = []

    async def work(_: RunId) -> None:
        tries.append(asyncio.get_running_loop().time())
        if len(tries) < 3:
            raise LLMUnavailable("the model is away")

    world.pipeline.work = work
    ids = await submitted(world.records)
    async with worker_of(world.pipeline):
        await until(lambda: all_finished(world.records, ids))
    assert len(tries) == 3
    assert tries[1] - tries[0] >= 0.05
    assert tries[2] - tries[1] >= 0.1


async def test_a_defect_in_one_run_does_not_end_the_others(world: World) -> None:
    bad, good = await submitted(world.records, 2)

    async def work(run_id: RunId) -> None:
        if run_id == bad:
            raise ZeroDivisionError

    world.pipeline.work = work
    async with worker_of(world.pipeline, max_runs=1):
        await until(lambda: all_finished(world.records, [good]))
    assert not await all_finished(world.records, [bad])


async def test_leaving_stops_the_work_and_gives_the_lease_back(world: World) -> None:
    started = asyncio.Event()

    async def work(_: RunId) -> None:
        started.set()
        await asyncio.Event().wait()

    world.pipeline.work = work
    [run_id] = await submitted(world.records)
    async with worker_of(world.pipeline):
        await started.wait()
        assert not await world.records.claim(run_id, "other", 1)
    assert await world.records.claim(run_id, "other", 1)


async def test_two_workers_share_the_runs_and_do_none_twice(world: World) -> None:
    world.pipeline.work = lambda _: asyncio.sleep(0.01)
    ids = await submitted(world.records, 10)
    async with worker_of(world.pipeline, owner="a"), worker_of(world.pipeline, owner="b"):
        await until(lambda: all_finished(world.records, ids))
    assert sorted(world.pipeline.executed) == sorted(ids)


async def test_a_scan_survives_records_that_are_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0
    whole = world.records.unfinished

    async def flaky(origin: str) -> tuple[RunId, ...]:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise LLMUnavailable("away")
        return await whole(origin)

    monkeypatch.setattr(world.records, "unfinished", flaky)
    ids = await submitted(world.records)
    async with worker_of(world.pipeline):
        await until(lambda: all_finished(world.records, ids))
    assert calls >= 3
