"""What stands out in a right program goes to the model only under a policy, and only a better one is kept."""

from __future__ import annotations

from test_pipeline import RIGHT, World, bodies, kinds

from qlayer.pipeline.policy import LoopPolicy
from qlayer.types.run import AttemptKind, SlotSettled
from qlayer.validation.advice import Kinds


def answer(body: str) -> str:
    return f"```python\ndef add(a: int, b: int) -> int:\n    {body}\n```"


RISKY = answer("return eval(str(a)) + b")
AS_RISKY = answer("return b + eval(str(a))")
ONE = LoopPolicy(confirm=1, waves=(), repair_rounds=0, soft_asserts=False)
SAFE = ONE.model_copy(update={"refine": Kinds(quality=False, performance=False)})


async def kept_after(*answers: str, policy: LoopPolicy = SAFE) -> tuple[World, int | None, list[AttemptKind]]:
    world = World(list(answers), policy=policy)
    record = await world.run()
    (settled,) = bodies(record, SlotSettled)
    return world, settled.kept, kinds(record)


async def test_a_finding_is_told_and_the_safer_program_is_kept() -> None:
    world, kept, tried = await kept_after(RISKY, RIGHT)
    assert (kept, tried) == (1, [AttemptKind.GREEDY, AttemptKind.REFINE])
    told = world.llm.requests[1].messages[-1].content
    assert "could be better" in told and "B307" in told and "return eval(str(a)) + b" in told


async def test_by_default_the_model_is_told_nothing() -> None:
    _, kept, tried = await kept_after(RISKY, RIGHT, policy=ONE)
    assert (kept, tried) == (0, [AttemptKind.GREEDY])


async def test_nothing_that_stands_out_costs_no_tokens() -> None:
    assert (await kept_after(RIGHT))[2] == [AttemptKind.GREEDY]


async def test_what_is_no_better_or_wrong_elsewhere_is_not_kept() -> None:
    assert (await kept_after(RISKY, AS_RISKY))[1] == 0
    assert (await kept_after(RISKY, answer("return a * b")))[1] == 0, "it fails the examples"
    wrong_elsewhere = answer("return a + b if a < 3 else 0")
    assert (await kept_after(RISKY, wrong_elsewhere))[1] == 0, "it passes them, but does something else"
