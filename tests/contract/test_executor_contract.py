"""What every executor keeps: one answer for each item, nothing done twice, the poisonous ones found out."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest
from executor_workers import LoggingWorkers, Order, OrderExecutor, given, item

from qlayer.executor.base import Answer, ExecutorConfig, ExecutorError, Item, Quarantined
from qlayer.executor.local import LocalExecutor

Make = Callable[..., OrderExecutor]
PATIENCE_S = 120


@pytest.fixture(scope="module")
def ray_here() -> Iterator[None]:
    ray = pytest.importorskip("qlayer.executor.ray", reason="needs the extra: ray")
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)  # the actors import `executor_workers`
    try:
        with ray.own_ray(cpus=4):
            yield
    finally:
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before


@pytest.fixture(params=["local", pytest.param("ray", marks=pytest.mark.server)])
def backend(request: pytest.FixtureRequest) -> str:
    if request.param == "ray":
        request.getfixturevalue("ray_here")
    return str(request.param)


@pytest.fixture
def workers(backend: str, tmp_path: Path) -> LoggingWorkers:
    return LoggingWorkers(tmp_path / "log", killable=backend == "ray")


@pytest.fixture
def make(backend: str, workers: LoggingWorkers) -> Make:
    """``make(workers=1, lookahead=8)``: an executor; over Ray with as many supervisors of one item each."""

    def build(*, at_once: int = 2, lookahead: int = 512) -> OrderExecutor:
        if backend == "local":
            return LocalExecutor(workers, ExecutorConfig(workers=at_once, lookahead=lookahead))
        from qlayer.executor.ray import RayConfig, RayExecutor

        config = RayConfig(workers=1, supervisors=at_once, lookahead=lookahead, batch=4, cpus=1)
        return RayExecutor(workers, config)

    return build


async def answers(executor: OrderExecutor, *items: Item[Order], known: dict | None = None) -> list[Answer]:  # type: ignore[type-arg]
    async with asyncio.timeout(PATIENCE_S):
        return [answer async for answer in executor.run(given(*items), known)]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(0.02)


async def test_every_item_is_answered_once(make: Make) -> None:
    orders = [Order(str(n)) for n in range(50)]
    async with make() as executor:
        found = await answers(executor, *map(item, orders))
    assert sorted(a.position for a in found) == list(range(50))
    assert {a.position: a.result for a in found} == {n: f"{n} done" for n in range(50)}


async def test_results_come_in_order_of_arrival(make: Make) -> None:
    async with make() as executor:
        await until(lambda: len(getattr(executor, "supervisors", "ab")) == 2)
        found = await answers(executor, item(Order("slow", sleep_s=3.0)), item(Order("fast")))
    assert [a.result for a in found] == ["fast done", "slow done"]


async def test_the_same_key_runs_once_and_answers_all(make: Make, workers: LoggingWorkers) -> None:
    same = item(Order("same", sleep_s=0.2))
    async with make() as executor:
        here, there = await asyncio.gather(answers(executor, same, same), answers(executor, same))
        later = await answers(executor, item(Order("first")), item(Order("first")))
    assert [a.result for a in here + there] == ["same done"] * 3
    assert sorted(a.position for a in here) == [0, 1]
    assert workers.count("start same") == 1
    assert len(later) == 2
    assert workers.count("start first") == 1


async def test_what_is_known_is_not_done_again(make: Make, workers: LoggingWorkers) -> None:
    old, new = item(Order("old")), item(Order("new"))
    known = {old.key: "from before"}
    async with make() as executor:
        found = await answers(executor, old, new, known=known)
    assert {a.position: a.result for a in found} == {0: "from before", 1: "new done"}
    assert workers.count("start old") == 0
    assert known[new.key] == "new done"


async def test_poison_is_quarantined_and_spoils_nothing_else(make: Make, workers: LoggingWorkers) -> None:
    poison = item(Order("poison", does="die"))
    good = [item(Order(str(n))) for n in range(12)]
    async with make() as executor:
        found = await answers(executor, *good[:6], poison, *good[6:])
    by_key = {a.key: a.result for a in found}
    verdict = by_key.pop(poison.key)
    assert isinstance(verdict, Quarantined)
    assert "quarantined" in verdict.cause
    assert verdict.tries == 2
    assert set(by_key.values()) == {f"{n} done" for n in range(12)}
    assert 2 <= workers.count("start poison") <= 3  # once more when others were with it at its first death


async def test_what_died_once_is_done_again(make: Make) -> None:
    async with make() as executor:
        found = await answers(
            executor, item(Order("a", does="die once")), item(Order("b", does="disturbed once"))
        )
    assert sorted(str(a.result) for a in found) == ["a done", "b done"]


async def test_a_defect_of_the_worker_ends_its_batch_only(make: Make) -> None:
    async with make() as executor:
        with pytest.raises(ValueError, match="a defect"):
            await answers(executor, item(Order("bad", does="raise")))
        assert len(await answers(executor, item(Order("good")))) == 1


async def test_tenants_take_turns(make: Make) -> None:
    many = [item(Order(f"many {n}", sleep_s=0.02), "greedy") for n in range(60)]
    few = [item(Order(f"few {n}", sleep_s=0.02), "modest") for n in range(3)]
    async with make() as executor:
        found = await answers(executor, *many, *few)
    order = [str(a.result) for a in found]
    last_of_few = max(index for index, name in enumerate(order) if name.startswith("few"))
    assert last_of_few < 40, order


async def test_the_intake_is_bounded(make: Make) -> None:
    asked = 0

    async def endless() -> AsyncIterator[Item[Order]]:
        nonlocal asked
        while True:
            asked += 1
            yield item(Order(str(asked)))

    async with (
        make(lookahead=8) as executor,
        asyncio.timeout(PATIENCE_S),
        aclosing(executor.run(endless())) as found,
    ):
        assert (await anext(found)).result
        await asyncio.sleep(0.5)  # nobody takes answers: nothing more may be asked for
        assert asked <= 9


async def test_leaving_ends_the_work(make: Make, workers: LoggingWorkers) -> None:
    async with make() as executor:
        async with (
            asyncio.timeout(PATIENCE_S),
            aclosing(executor.run(given(item(Order("fast")), item(Order("long", sleep_s=600))))) as found,
        ):
            assert (await anext(found)).result == "fast done"
            await until(lambda: workers.count("start long") == 1)
        await until(lambda: workers.count("cancelled long") == 1)
        assert len(await answers(executor, item(Order("after")))) == 1


async def test_work_that_another_batch_waits_for_goes_on(make: Make, workers: LoggingWorkers) -> None:
    shared = item(Order("shared", sleep_s=1.0))
    async with make() as executor:
        staying = asyncio.create_task(answers(executor, shared))
        leaving = asyncio.create_task(answers(executor, shared))
        await asyncio.sleep(0.3)
        leaving.cancel()
        assert [a.result for a in await staying] == ["shared done"]
    assert workers.count("start shared") == 1


async def test_a_broken_source_raises_where_the_answers_are_read(make: Make) -> None:
    async def source() -> AsyncIterator[Item[Order]]:
        yield item(Order("one"))
        raise OSError("no more lines")

    async with make() as executor, asyncio.timeout(PATIENCE_S):
        with pytest.raises(OSError, match="no more lines"):
            [answer async for answer in executor.run(source())]


async def test_after_closing_nothing_waits_for_ever(make: Make) -> None:
    async with make() as executor:
        pending = asyncio.create_task(answers(executor, item(Order("long", sleep_s=600))))
        await asyncio.sleep(0.3)
    with pytest.raises(ExecutorError):
        await pending


@pytest.mark.server
async def test_a_killed_supervisor_loses_and_doubles_nothing(ray_here: None, tmp_path: Path) -> None:
    from qlayer.executor.ray import RayConfig, RayExecutor

    workers = LoggingWorkers(tmp_path / "log", killable=True)
    executor: RayExecutor[Order, str] = RayExecutor(workers, RayConfig(workers=1, supervisors=2, batch=10))
    orders = [Order(str(n), sleep_s=0.01) for n in range(300)]
    positions = []
    async with executor, asyncio.timeout(PATIENCE_S):
        async for answer in executor.run(given(*map(item, orders))):
            positions.append(answer.position)
            assert answer.result == f"{answer.position} done"
            if len(positions) in (60, 160):
                os.kill(executor.supervisors[0].pid, signal.SIGKILL)
    assert sorted(positions) == list(range(300))
