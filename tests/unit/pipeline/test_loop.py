"""The loop's rules, each with a scripted model and a sandbox that runs the (trusted) test code here."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from test_pipeline import (
    CRASH,
    CRASH_TOO,
    MODEL,
    NO_CODE,
    RIGHT,
    SPEC,
    WRONG,
    WRONG_TOO,
    DyingRecords,
    Killed,
    World,
    bodies,
    kinds,
    until,
)

from qlayer.errors import ConflictError, InputError, LLMError, NotFoundError
from qlayer.llm.base import ChatRequest
from qlayer.llm.fake import Failure, FakeLLM, FakeLLMConfig
from qlayer.pipeline.budget import BudgetMeter
from qlayer.pipeline.pipeline import ModelChoice, Pipeline
from qlayer.pipeline.policy import LoopPolicy
from qlayer.sandbox.config import WarmConfig
from qlayer.sandbox.warm import WarmSandbox
from qlayer.types.capsule import ModelCard
from qlayer.types.choice import Answered, Asked, Selected, WavePlanned
from qlayer.types.ids import ModelId
from qlayer.types.run import AttemptKind, Checked, RunRequest, RunStatus, Sampled, SlotSettled
from qlayer.types.usage import Budget

GREEDY, SAMPLE, REPAIR, RESAMPLE = (
    AttemptKind.GREEDY,
    AttemptKind.SAMPLE,
    AttemptKind.REPAIR,
    AttemptKind.RESAMPLE,
)
POLICY = LoopPolicy(soft_asserts=False)


def code(body: str) -> str:
    return f"```python\ndef add(a: int, b: int) -> int:\n    return {body}\n```"


ADD_AGAIN = code("b + a")
SLY = code("a + b if b < 5 else 0")
"""Passes the examples of `SPEC`, and does something else."""
SLY_TOO = code("a + b if b < 5 else 1")


class ByDice:
    """Answers by what is asked: the greedy prompt, samples by their seed, and prompts that show a failure."""

    def __init__(self, greedy: str, samples: dict[int, str] | str, mended: str | list[str] = NO_CODE) -> None:
        self.greedy, self.samples = greedy, samples
        self.mended = [mended] if isinstance(mended, str) else list(mended)
        self.shown: list[str] = []

    def __call__(self, request: ChatRequest) -> str:
        question = request.messages[-1].content
        if "The error:" in question or "must return" in question:
            self.shown.append(question)
            return self.mended.pop(0) if len(self.mended) > 1 else self.mended[0]
        if request.sampling.temperature == 0:
            return self.greedy
        if isinstance(self.samples, str):
            return self.samples
        return self.samples.get(request.sampling.seed or 0, NO_CODE)


def settled(record: Any) -> SlotSettled:
    (found,) = bodies(record, SlotSettled)
    return found  # type: ignore[no-any-return]


async def test_a_greedy_sample_that_passes_is_taken_alone_when_no_agreement_is_wanted() -> None:
    record = await World(ByDice(RIGHT, WRONG), policy=POLICY.model_copy(update={"confirm": 1})).run()
    assert kinds(record) == [GREEDY]
    assert bodies(record, Selected) == []


async def test_a_greedy_sample_that_passes_is_confirmed_by_one_that_behaves_alike() -> None:
    record = await World(ByDice(RIGHT, ADD_AGAIN), policy=POLICY).run()
    assert kinds(record) == [GREEDY, SAMPLE]
    (selected,) = bodies(record, Selected)
    assert (selected.chosen, selected.groups) == (0, ((0, 1),))
    assert len(selected.inputs) >= 40
    assert "2 of 2 samples that pass do the same" in settled(record).reason


async def test_without_an_example_the_reason_claims_no_more_than_that_it_loads() -> None:
    world = World(ByDice(RIGHT, ADD_AGAIN), policy=POLICY)
    text = 'def add(a: int, b: int) -> int:\n    """Add two numbers."""\n'
    run_id, _ = await world.pipeline.submit(RunRequest(text=text))
    async with world.sandbox:
        record = await world.pipeline.execute(run_id, owner="w")
    assert settled(record).reason.startswith("it loads; the request gives no example")


async def test_a_sample_that_disagrees_leads_to_more_and_the_majority_is_kept() -> None:
    record = await World(ByDice(SLY, {1: RIGHT, 2: ADD_AGAIN, 3: RIGHT}), policy=POLICY).run()
    assert kinds(record).count(SAMPLE) == 3
    (selected,) = bodies(record, Selected)
    assert selected.chosen in (1, 2, 3)
    assert selected.question is not None and not selected.tied
    assert settled(record).solved and settled(record).kept == selected.chosen


async def test_waves_follow_a_greedy_sample_that_fails_and_stop_at_the_quorum() -> None:
    record = await World(ByDice(WRONG, RIGHT), policy=POLICY).run()
    assert [wave.attempts for wave in bodies(record, WavePlanned)] == [(1, 2, 3)]
    assert kinds(record) == [GREEDY, SAMPLE, SAMPLE, SAMPLE]
    assert settled(record).solved


async def test_the_same_program_is_run_once_and_counted_each_time() -> None:
    world = World(ByDice(WRONG, RIGHT), policy=POLICY)
    record = await world.run()
    same = [checked.same_as for checked in bodies(record, Checked)]
    assert same[:2] == [None, None] and None not in same[2:]
    (selected,) = bodies(record, Selected)
    assert max(facts.agreeing for facts in selected.facts) == 3


async def test_samples_are_asked_for_as_the_drawing_job_asks() -> None:
    from jobs.benchmarks import Task
    from jobs.draw import draw_of

    world = World(ByDice(WRONG, WRONG_TOO), policy=POLICY)
    await world.run()
    for index in range(POLICY.samples):
        task = Task.model_construct(text=SPEC)
        wanted = draw_of(task, index, 0, POLICY.sample_tokens)
        assert any(
            (asked.messages, asked.sampling) == (wanted.messages, wanted.sampling)
            for asked in world.llm.requests
        ), index


async def test_what_is_still_being_written_is_cancelled_when_it_is_not_needed() -> None:
    endless = RIGHT + "\n" + " ".join(f"word{n}" for n in range(2_000))

    def answer(request: ChatRequest) -> str:
        if request.sampling.temperature == 0:
            return WRONG
        return endless if request.sampling.seed == 4 else RIGHT

    policy = POLICY.model_copy(update={"waves": (4,), "sample_tokens": 4_000, "tokens": 100_000})
    engine = FakeLLMConfig(model=MODEL, token_s=0.001, context_tokens=10_000)
    world = World(answer, policy=policy, engine=engine)
    record = await world.run(budget=Budget(tokens=100_000))
    cut = next(sampled for sampled in bodies(record, Sampled) if sampled.attempt == 4)
    assert cut.finish_reason == "cancelled"
    assert 0 < cut.usage.completion_tokens < 2_000, "what it had cost is counted"
    assert 4 not in {checked.attempt for checked in bodies(record, Checked)}
    assert world.llm.occupancy.running == 0
    assert settled(record).solved


async def test_degenerate_repetition_is_cut_while_it_is_written() -> None:
    line = "    x = [1, 2, 3] + [4, 5, 6] + [7, 8]\n"
    stuck = "```python\ndef add(a: int, b: int) -> int:\n" + line * 400
    record = await World(ByDice(stuck, RIGHT), policy=POLICY.model_copy(update={"sample_tokens": 4_000})).run(
        budget=Budget(tokens=50_000)
    )
    greedy = bodies(record, Sampled)[0]
    assert greedy.finish_reason == "repetition"
    assert greedy.usage.completion_tokens < 1_000


async def test_a_crash_is_shown_once_for_each_program_and_a_repair_is_kept_when_it_passes_more() -> None:
    script = ByDice(CRASH, CRASH, mended=RIGHT)
    record = await World(script, policy=POLICY).run()
    assert len(script.shown) == 1
    assert "invalid literal for int()" in script.shown[0]
    assert kinds(record)[-1] is REPAIR
    assert settled(record).solved


async def test_a_repair_that_passes_less_is_rolled_back() -> None:
    half = code("4 if a == 2 else int('x')")
    world = World(ByDice(half, half, mended=WRONG_TOO), policy=POLICY)
    record = await world.run()
    assert settled(record).kept == 0 and not settled(record).solved
    _, tree = await world.capsules.load(record.capsule)
    assert any("4 if a == 2" in tree.text(path) for path in tree.paths() if path.endswith(".py"))


async def test_the_same_error_is_never_told_a_third_time() -> None:
    crashes = {seed: code(f"a + int('{'x' * seed}')") for seed in range(1, 8)}
    script = ByDice(CRASH, crashes, mended=[code(f"b + int('{'y' * n}')") for n in range(1, 20)])
    record = await World(script, policy=POLICY).run()
    assert len(script.shown) == 2
    assert "was told" in settled(record).reason


async def test_a_wrong_answer_is_written_afresh_with_the_example_in_view_and_at_most_twice() -> None:
    script = ByDice(WRONG, WRONG)
    record = await World(script, policy=POLICY).run()
    assert kinds(record).count(RESAMPLE) == 3, "two with the example, one in other words"
    assert len(script.shown) == 2
    assert all("add(1, 2) must return 3" in question for question in script.shown)
    assert REPAIR not in kinds(record)


async def test_a_large_model_repairs_a_wrong_answer_once() -> None:
    script = ByDice(WRONG, WRONG, mended=RIGHT)
    record = await World(script, policy=POLICY.model_copy(update={"repairs_answers": True})).run()
    assert kinds(record)[-1] is REPAIR
    assert "It returned 2" in script.shown[0]
    assert settled(record).solved


class TwoModels:
    """A server of two models."""

    def __init__(self, small: FakeLLM, large: FakeLLM) -> None:
        self.by_id = {MODEL: small, LARGE: large}

    def stream(self, request: ChatRequest) -> Any:
        return self.by_id[request.model].stream(request)

    async def models(self) -> Any:
        return tuple([(await llm.models())[0] for llm in self.by_id.values()])

    async def aclose(self) -> None:
        """Nothing is held."""


LARGE = ModelId("large")


@pytest.mark.parametrize(("large", "solved"), [(RIGHT, True), (WRONG_TOO, False)])
async def test_a_larger_model_is_asked_when_the_small_one_is_stuck(large: str, solved: bool) -> None:
    world = World(ByDice(WRONG, WRONG), policy=POLICY)
    larger = FakeLLM(lambda _: large, FakeLLMConfig(model=LARGE))

    async def describe(model: ModelId) -> ModelChoice:
        card = ModelCard(id=model, revision="1", licence="Apache-2.0")
        return ModelChoice(card=card, policy=POLICY, escalate_to=LARGE if model == MODEL else None)

    parts = world.pipeline.__dict__ | {"llm": TwoModels(world.llm, larger), "describe": describe}
    pipeline = Pipeline(**parts)
    run_id, _ = await pipeline.submit(RunRequest(text=SPEC))
    async with world.sandbox:
        record = await pipeline.execute(run_id, owner="w")
    escalated = [body for body in bodies(record, Sampled) if body.attempt_kind is AttemptKind.ESCALATED]
    assert escalated and {body.model for body in escalated} == {LARGE}
    assert settled(record).solved is solved
    assert "larger model large" in settled(record).reason
    assert record.usage.completion_tokens == sum(b.usage.completion_tokens for b in bodies(record, Sampled))


async def test_a_larger_model_that_is_not_served_is_left_out() -> None:
    world = World(ByDice(WRONG, WRONG), policy=POLICY)

    async def describe(model: ModelId) -> ModelChoice:
        if model != MODEL:
            raise NotFoundError(f"no model {model}", kind="model")
        card = ModelCard(id=model, revision="1", licence="Apache-2.0")
        return ModelChoice(card=card, policy=POLICY, escalate_to=LARGE)

    pipeline = Pipeline(**(world.pipeline.__dict__ | {"describe": describe}))
    run_id, _ = await pipeline.submit(RunRequest(text=SPEC))
    async with world.sandbox:
        record = await pipeline.execute(run_id, owner="w")
    assert record.status is RunStatus.SUCCEEDED
    assert AttemptKind.ESCALATED not in kinds(record)


async def test_the_budget_ends_the_loop_and_the_best_so_far_is_kept() -> None:
    half = code("4 if a == 2 else 0")
    world = World(ByDice(half, WRONG), policy=POLICY)
    record = await world.run(budget=Budget(tokens=60))
    assert record.usage.completion_tokens <= 60
    assert settled(record).kept == 0
    assert "60 tokens" in settled(record).reason and "2 of 3" in settled(record).reason


async def test_a_tie_is_recorded_as_a_question_when_nobody_watches() -> None:
    record = await World(ByDice(SLY, {1: SLY_TOO}), policy=POLICY).run()
    selected = bodies(record, Selected)[-1]
    assert selected.tied and selected.question is not None
    assert set(selected.question.attempts) == {0, 1}
    assert bodies(record, Asked) == []


async def answered(world: World, run_id: Any, expected: str | None) -> None:
    """Answers the first question of the run, as a person would."""

    def asks() -> bool:
        events = world.records._runs[run_id].events
        return any(isinstance(event.body, Asked) for event in events)

    await until(asks)
    await world.pipeline.answer(run_id, expected, who="tester")


async def test_an_answer_becomes_a_trusted_example_and_the_choice_is_made_again() -> None:
    world = World(ByDice(SLY, {1: RIGHT}), policy=POLICY.model_copy(update={"waves": (1,)}))
    run_id, _ = await world.pipeline.submit(RunRequest(text=SPEC, interactive=True))
    async with world.sandbox:
        working = asyncio.create_task(world.pipeline.execute(run_id, owner="w"))
        await until(lambda: any(isinstance(e.body, Asked) for e in world.records._runs[run_id].events))
        asked = next(e.body for e in world.records._runs[run_id].events if isinstance(e.body, Asked))
        a, b = eval(asked.question.args)
        assert str(a + b) in asked.question.answers
        await world.pipeline.answer(run_id, str(a + b), who="tester")
        record = await working
    assert settled(record).kept == 1 and settled(record).solved
    manifest, _ = await world.capsules.load(record.capsule)
    assert any(check.check == "answers on add" and check.ok for check in manifest.checks)
    assert len(bodies(record, Selected)) == 2
    with pytest.raises(ConflictError):
        await world.pipeline.answer(run_id, "1")


async def test_a_question_that_nobody_answers_is_given_up_and_costs_no_seconds() -> None:
    world = World(ByDice(SLY, {1: RIGHT}), policy=POLICY.model_copy(update={"waves": (1,)}))
    pipeline = Pipeline(**(world.pipeline.__dict__ | {"answer_wait_s": 0.5}))
    run_id, _ = await pipeline.submit(RunRequest(text=SPEC, interactive=True, budget=Budget(seconds=60)))
    async with world.sandbox:
        record = await pipeline.execute(run_id, owner="w")
    (answer,) = bodies(record, Answered)
    assert answer.expected is None and answer.who == "nobody"
    whole = (record.events[-1].at - record.events[1].at).total_seconds()
    assert record.finished is not None and record.finished.seconds <= whole - 0.4


async def test_an_answer_that_is_no_value_is_refused() -> None:
    world = World(ByDice(SLY, {1: RIGHT}), policy=POLICY.model_copy(update={"waves": (1,)}))
    run_id, _ = await world.pipeline.submit(RunRequest(text=SPEC, interactive=True))
    with pytest.raises(ConflictError):
        await world.pipeline.answer(run_id, "1")
    async with world.sandbox:
        working = asyncio.create_task(world.pipeline.execute(run_id, owner="w"))
        await until(lambda: any(isinstance(e.body, Asked) for e in world.records._runs[run_id].events))
        with pytest.raises(InputError):
            await world.pipeline.answer(run_id, "the first one")
        await world.pipeline.answer(run_id, None)
        assert (await working).status is RunStatus.SUCCEEDED


ASSERTS = "\n".join(f"assert add({n}, {n + 5}) == {2 * n + 5}" for n in range(4))


async def test_a_tie_is_put_to_asserts_that_the_model_writes_and_they_only_vote() -> None:
    def answer(request: ChatRequest) -> str:
        if "asserts" in request.messages[-1].content:
            return ASSERTS
        return SLY if request.sampling.temperature == 0 else RIGHT

    policy = LoopPolicy(waves=(1,), soft_asserts=True)
    record = await World(answer, policy=policy).run()
    (selected,) = bodies(record, Selected)
    assert {facts.index: facts.votes for facts in selected.facts} == {0: 0, 1: 4}
    assert settled(record).kept == 1
    assert AttemptKind.ASSERTS in kinds(record)


def everything(request: ChatRequest) -> str:
    """Leads a run through every step: waves, a choice, repairs, and the last try."""
    if request.sampling.temperature == 0 and "The error:" not in request.messages[-1].content:
        return CRASH
    return CRASH_TOO if (request.sampling.seed or 0) % 2 else WRONG


@pytest.mark.parametrize("survived", [2, 5, 6, 7, 9, 11, 15, 18, 21, 23, 25, 27, 29, 31, 33])
async def test_a_run_killed_in_any_step_of_the_loop_asks_for_nothing_twice(survived: int) -> None:
    whole = await World(everything, policy=POLICY).run()
    records = DyingRecords()
    world = World(everything, records=records, policy=POLICY)
    run_id, _ = await world.pipeline.submit(RunRequest(text=SPEC))
    records.appends_left = survived
    async with world.sandbox:
        with pytest.raises(Killed):
            await world.pipeline.execute(run_id, owner="first")
    records.appends_left = None

    again = world.reborn(everything)
    async with again.sandbox:
        record = await again.pipeline.execute(run_id, owner="second")
    drawn = [(body.attempt, body.attempt_kind) for body in bodies(record, Sampled)]
    assert len(set(drawn)) == len(drawn)
    assert sorted(drawn) == sorted((b.attempt, b.attempt_kind) for b in bodies(whole, Sampled))
    assert settled(record).reason == settled(whole).reason
    assert settled(record).tree == settled(whole).tree


@pytest.mark.slow
async def test_the_loop_runs_on_the_real_sandbox() -> None:
    """Candidates that crash and disagree are told apart by what they really do."""
    samples = {1: code("[][a]"), 2: RIGHT, 3: code("sum((a, b))"), 4: RIGHT, 5: ADD_AGAIN}
    world = World(ByDice(SLY, samples), policy=POLICY)
    async with WarmSandbox(WarmConfig(workers=2)) as sandbox:
        pipeline = Pipeline(**(world.pipeline.__dict__ | {"sandbox": sandbox}))
        run_id, _ = await pipeline.submit(RunRequest(text=SPEC, budget=Budget(seconds=3_600)))
        record = await pipeline.execute(run_id, owner="w")
    selected = bodies(record, Selected)[-1]
    assert settled(record).solved and settled(record).kept in (2, 3)
    assert {2, 3} <= set(selected.groups[0])
    assert 0 not in selected.groups[0], "it passes the examples and does something else"


async def test_what_was_sampled_is_not_checked_any_more_when_the_seconds_are_used_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(ByDice(WRONG, {1: WRONG_TOO, 2: CRASH, 3: CRASH_TOO}), policy=POLICY)

    def left(_: BudgetMeter) -> float:
        checked = [
            e for run in world.records._runs.values() for e in run.events if isinstance(e.body, Checked)
        ]
        return 100.0 if len(checked) < 2 else 0.0

    monkeypatch.setattr(BudgetMeter, "seconds_left", property(left))
    record = await world.run()
    assert len(bodies(record, Checked)) == 2 < len(bodies(record, Sampled))
    assert bodies(record, Selected)[0].inputs == (), "nor compared: each comparison runs them all"
    assert "180 seconds is used up" in settled(record).reason


async def test_with_all_repair_off_the_model_is_not_asked_again() -> None:
    policy = POLICY.model_copy(update={"repair_rounds": 0, "other_words": False, "waves": ()})
    record = await World(ByDice(CRASH, RIGHT, RIGHT), policy=policy).run()
    assert kinds(record) == [GREEDY]
    assert not settled(record).solved


async def test_the_automatic_fixes_can_be_left_out() -> None:
    lacking = "```python\ndef add(a: int, b: int) -> int:\n    return int(math.fsum([a, b]))\n```"
    policy = POLICY.model_copy(update={"waves": (), "repair_rounds": 0, "other_words": False})
    fixed = await World(ByDice(lacking, NO_CODE), policy=policy).run()
    assert settled(fixed).solved and bodies(fixed, Checked)[0].candidate.fixes == ("add_imports",)
    unfixed = await World(ByDice(lacking, NO_CODE), policy=policy.model_copy(update={"autofix": False})).run()
    assert not settled(unfixed).solved and bodies(unfixed, Checked)[0].candidate.fixes == ()


async def test_another_selector_chooses_where_the_policy_says_so() -> None:
    answers = ByDice(SLY, {1: RIGHT, 2: ADD_AGAIN, 3: RIGHT})
    record = await World(answers, policy=POLICY.model_copy(update={"selector": "first"})).run()
    (selected,) = bodies(record, Selected)
    assert (selected.selector, selected.chosen) == ("first", 0), "it passes the examples, and came first"


@pytest.mark.parametrize("quorum", [2, 3])
async def test_a_sample_that_cannot_be_had_matters_only_where_the_others_do_not_settle_it(
    quorum: int,
) -> None:
    samples: dict[int, Any] = {1: Failure(LLMError("gone")), 2: RIGHT, 3: ADD_AGAIN}
    world = World(ByDice(WRONG, samples), policy=POLICY.model_copy(update={"quorum": quorum}))
    if quorum == 2:
        assert settled(await world.run()).solved
    else:
        with pytest.raises(LLMError, match="gone"):
            await world.run()
