"""The pipeline with a scripted model and a sandbox that runs the (trusted) test code in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from qlayer.errors import ConflictError, InputError, LLMError, LLMUnavailable, NotFoundError
from qlayer.events.outbox import OutboxFeed
from qlayer.llm.base import ChatRequest
from qlayer.llm.fake import Failure, FakeLLM, FakeLLMConfig
from qlayer.packaging.capsule import Capsules
from qlayer.pipeline.pipeline import MAX_SESSIONS, ModelChoice, Pipeline
from qlayer.pipeline.policy import LoopPolicy
from qlayer.sandbox.base import SandboxJob, SandboxResult, ValuesJob
from qlayer.sandbox.fake import FakeSandbox, accept, unsafe_in_process
from qlayer.store.fake import FakeBlobs, FakeRecords
from qlayer.types.capsule import ModelCard
from qlayer.types.check import Level
from qlayer.types.ids import ModelId
from qlayer.types.run import AttemptKind, Checked, RunRequest, RunStatus, Sampled, SlotSettled, Started
from qlayer.types.usage import Budget

SPEC = """# Add

def add(a: int, b: int) -> int

>>> add(1, 2)
3
>>> add(2, 2)
4
"""
RIGHT = "```python\ndef add(a: int, b: int) -> int:\n    return a + b\n```"
WRONG = "```python\ndef add(a: int, b: int) -> int:\n    return a * b\n```"
WRONG_TOO = "```python\ndef add(a: int, b: int) -> int:\n    return a - b\n```"
CRASH = "```python\ndef add(a: int, b: int) -> int:\n    return a + int('x')\n```"
CRASH_TOO = "```python\ndef add(a: int, b: int) -> int:\n    return [][a]\n```"
NO_CODE = "I cannot do that."
MODEL = ModelId("fake")
ONE_SAMPLE = LoopPolicy(confirm=1, waves=(), repair_rounds=0, soft_asserts=False)
"""The least that a run can do: the greedy sample, and one more in other words when it fails."""


def judge(job: SandboxJob) -> SandboxResult:
    """Calls run here, in the file that holds the function; importing and pytest are taken as passed."""
    if not isinstance(job, ValuesJob) or not job.cases:
        return accept(job)
    return unsafe_in_process(job.model_copy(update={"module": "add.core"}))


class World:
    """A pipeline and its parts; `reborn` is what a killed process leaves: the store alone."""

    def __init__(
        self,
        script: Any,
        *,
        records: FakeRecords | None = None,
        blobs: FakeBlobs | None = None,
        policy: LoopPolicy | None = None,
        engine: FakeLLMConfig | None = None,
    ) -> None:
        self.policy = policy or ONE_SAMPLE
        self.records = records or FakeRecords()
        self.blobs = blobs or FakeBlobs()
        self.llm = FakeLLM(script, engine or FakeLLMConfig(model=MODEL))
        self.sandbox = FakeSandbox(judge)
        self.capsules = Capsules(self.blobs, self.records)
        self.pipeline = Pipeline(
            llm=self.llm,
            sandbox=self.sandbox,
            blobs=self.blobs,
            records=self.records,
            feed=OutboxFeed(self.records, poll_s=0.01),
            capsules=self.capsules,
            default_model=MODEL,
            describe=self.describe,
            lease_ttl_s=5.0,
        )

    async def describe(self, model: ModelId) -> ModelChoice:
        if model != MODEL:
            raise NotFoundError(f"no model {model}", kind="model")
        card = ModelCard(id=model, revision="1", licence="Apache-2.0")
        return ModelChoice(card=card, policy=self.policy)

    def reborn(self, script: Any) -> World:
        return World(script, records=self.records, blobs=self.blobs, policy=self.policy)

    async def run(self, **request: Any) -> Any:
        run_id, _ = await self.pipeline.submit(RunRequest(text=SPEC, **request))
        async with self.sandbox:
            return await self.pipeline.execute(run_id, owner="test")


def bodies(record: Any, kind: type) -> list[Any]:
    return [event.body for event in record.events if isinstance(event.body, kind)]


def kinds(record: Any) -> list[AttemptKind]:
    return [body.attempt_kind for body in bodies(record, Sampled)]


async def test_a_right_first_sample_makes_an_allowed_capsule_at_v2() -> None:
    world = World([RIGHT])
    record = await world.run()
    assert record.status is RunStatus.SUCCEEDED
    manifest, tree = await world.capsules.load(record.capsule)
    assert manifest.decision.level is Level.V2 and manifest.decision.allow
    assert any("a + b" in tree.text(path) for path in tree.paths() if path.endswith(".py"))
    assert kinds(record) == [AttemptKind.GREEDY]
    assert manifest.usage == record.usage and manifest.usage.completion_tokens > 0
    assert (await world.capsules.verify(record.capsule)).ok


async def test_an_answer_without_code_keeps_the_skeleton() -> None:
    world = World(lambda _: NO_CODE)
    record = await world.run()
    (settled,) = bodies(record, SlotSettled)
    assert settled.kept is None
    assert record.status is RunStatus.SUCCEEDED
    manifest, _ = await world.capsules.load(record.capsule)
    assert not manifest.decision.allow


async def test_the_token_budget_is_kept_and_named() -> None:
    world = World(lambda request: WRONG if len(request.messages[-1].content) % 2 else WRONG_TOO)
    record = await world.run(budget=Budget(tokens=40))
    assert record.usage.completion_tokens <= 40
    (settled,) = bodies(record, SlotSettled)
    assert "40 tokens" in settled.reason


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (RunRequest(text=""), InputError),
        (RunRequest(text="x" * 1_000_000), InputError),
        (RunRequest(text=SPEC, template="nosuch"), NotFoundError),
        (RunRequest(text=SPEC, model=ModelId("nosuch")), NotFoundError),
    ],
)
async def test_a_bad_request_is_refused_and_not_recorded(
    request_: RunRequest, error: type[Exception]
) -> None:
    world = World([])
    with pytest.raises(error):
        await world.pipeline.submit(request_)
    assert await world.records.runs() == ()


async def test_an_idempotency_key_names_one_run() -> None:
    world = World([RIGHT])
    first = await world.pipeline.submit(RunRequest(text=SPEC), idempotency_key="k")
    assert await world.pipeline.submit(RunRequest(text=SPEC), idempotency_key="k") == (first[0], False)
    with pytest.raises(ConflictError):
        await world.pipeline.submit(RunRequest(text=SPEC + "\nmore"), idempotency_key="k")


class Killed(BaseException):
    """Stands for kill -9: nothing may catch it."""


class DyingRecords(FakeRecords):
    """Dies right after the nth append, as a process killed there would."""

    def __init__(self) -> None:
        super().__init__()
        self.appends_left: int | None = None

    async def append(self, *args: Any, **kwargs: Any) -> Any:
        event = await super().append(*args, **kwargs)
        if self.appends_left is not None:
            self.appends_left -= 1
            if self.appends_left <= 0:
                raise Killed
        return event


def first_wrong_then_right(request: ChatRequest) -> str:
    return RIGHT if request.sampling.temperature else WRONG


@pytest.mark.parametrize("survived", range(1, 12))
async def test_a_run_killed_after_any_event_goes_on_without_repeating_a_sample(survived: int) -> None:
    records = DyingRecords()
    world = World(first_wrong_then_right, records=records)
    run_id, _ = await world.pipeline.submit(RunRequest(text=SPEC))
    records.appends_left = survived
    async with world.sandbox:
        with pytest.raises(Killed):
            await world.pipeline.execute(run_id, owner="first")
    records.appends_left = None
    spent = len(bodies(await records.run(run_id), Sampled))

    again = world.reborn(first_wrong_then_right)
    async with again.sandbox:
        record = await again.pipeline.execute(run_id, owner="second")
    assert record.status is RunStatus.SUCCEEDED
    assert len(again.llm.requests) == 2 - spent
    assert len(bodies(record, Sampled)) == 2
    assert len(bodies(record, Checked)) == 2
    assert (await again.capsules.verify(record.capsule)).ok
    assert len(await records.capsules()) == 1


async def test_a_finished_run_is_not_run_again() -> None:
    world = World([RIGHT])
    record = await world.run()
    async with world.sandbox:
        again = await world.pipeline.execute(record.id, owner="other")
    assert again == record


async def test_a_run_that_never_gets_through_is_given_up() -> None:
    world = World([])
    run_id, _ = await world.pipeline.submit(RunRequest(text=SPEC))
    for _ in range(MAX_SESSIONS):
        await world.records.append(run_id, Started(owner="dead"))
    async with world.sandbox:
        record = await world.pipeline.execute(run_id, owner="me")
    assert record.status is RunStatus.FAILED
    assert record.finished is not None and "20 times" in record.finished.reason


async def test_two_workers_do_not_share_a_run() -> None:
    world = World([RIGHT])
    run_id, _ = await world.pipeline.submit(RunRequest(text=SPEC))
    await world.records.claim(run_id, "somebody", 60)
    with pytest.raises(ConflictError, match="another process"):
        await world.pipeline.execute(run_id, owner="me")


async def test_a_queued_run_is_cancelled_at_once() -> None:
    world = World([RIGHT])
    run_id, _ = await world.pipeline.submit(RunRequest(text=SPEC))
    await world.pipeline.cancel(run_id)
    assert (await world.records.run(run_id)).status is RunStatus.CANCELLED
    with pytest.raises(ConflictError):
        await world.pipeline.cancel(run_id)


async def test_a_running_run_stops_when_cancelled() -> None:
    waiting = FakeLLM(lambda _: RIGHT * 50, FakeLLMConfig(model=MODEL, token_s=0.05))
    world = World([])
    pipeline = Pipeline(**{**world.pipeline.__dict__, "llm": waiting})
    run_id, _ = await pipeline.submit(RunRequest(text=SPEC))
    async with world.sandbox:
        working = asyncio.create_task(pipeline.execute(run_id, owner="w"))
        await until(lambda: waiting.occupancy.running == 1)
        await pipeline.cancel(run_id)
        record = await working
    assert record.status is RunStatus.CANCELLED
    assert waiting.occupancy.running == 0


async def test_an_absent_model_is_asked_again_and_nothing_is_lost() -> None:
    world = World([Failure(LLMUnavailable("away")), RIGHT])
    record = await world.run()
    assert record.status is RunStatus.SUCCEEDED
    assert len(bodies(record, Sampled)) == 1


async def test_a_model_that_stays_away_ends_the_run_with_the_reason() -> None:
    world = World(lambda _: Failure(LLMUnavailable("away")))
    record = await world.run(budget=Budget(seconds=1.2))
    (settled,) = bodies(record, SlotSettled)
    assert "unavailable" in settled.reason and "away" in settled.reason


async def test_a_broken_model_fails_the_run_on_record() -> None:
    world = World([Failure(LLMError("the engine is on fire"))])
    run_id, _ = await world.pipeline.submit(RunRequest(text=SPEC))
    async with world.sandbox:
        with pytest.raises(LLMError):
            await world.pipeline.execute(run_id, owner="w")
    record = await world.records.run(run_id)
    assert record.status is RunStatus.FAILED
    assert record.finished is not None and "on fire" in record.finished.reason


async def test_a_cancelled_task_leaves_the_run_resumable() -> None:
    slow = FakeLLM(lambda _: RIGHT * 50, FakeLLMConfig(model=MODEL, token_s=0.05))
    world = World([])
    pipeline = Pipeline(**{**world.pipeline.__dict__, "llm": slow})
    run_id, _ = await pipeline.submit(RunRequest(text=SPEC))
    async with world.sandbox:
        working = asyncio.create_task(pipeline.execute(run_id, owner="w"))
        await until(lambda: slow.occupancy.running == 1)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
    assert (await world.records.run(run_id)).finished is None
    again = world.reborn([RIGHT])
    async with again.sandbox:
        record = await again.pipeline.execute(run_id, owner="other")
    assert record.status is RunStatus.SUCCEEDED
    assert [body.resumed for body in bodies(record, Started)] == [False, True]


async def until(condition: Callable[[], bool], deadline_s: float = 30.0) -> None:
    async with asyncio.timeout(deadline_s):
        while not condition():  # noqa: ASYNC110  (nothing signals it)
            await asyncio.sleep(0.01)
