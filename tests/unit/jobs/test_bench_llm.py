"""The language model benchmark's arithmetic, with arms whose speed is known."""

from __future__ import annotations

import asyncio

from jobs.llm_arms import Arm, Round, Timing, llm_arm, measure, summarise
from qlayer.llm.base import ChatRequest
from qlayer.llm.fake import FakeLLM
from qlayer.types.ids import ModelId


def turn(arm: str, tokens_per_s: float) -> Round:
    return Round(
        arm=arm, concurrency=1, first_token_s=0.5, tokens_per_s=tokens_per_s, decode_tokens_per_s=tokens_per_s
    )


def test_the_ratio_compares_turns_of_the_same_round() -> None:
    """The second round met a busy machine: the ratio of medians would say 0.55."""
    samples = [turn("raw", 100), turn("serve", 90), turn("raw", 10), turn("serve", 9)]
    raw, serve = summarise(samples)
    assert (raw.arm, raw.ratio) == ("raw", 1.0)
    assert (serve.arm, round(serve.ratio, 6)) == ("serve", 0.9)
    assert serve.tokens_per_s == 49.5


async def test_arms_take_turns_and_never_overlap() -> None:
    order: list[str] = []

    def arm(name: str) -> Arm:
        async def generate(request: ChatRequest) -> Timing:
            order.append(f"{name} starts")
            await asyncio.sleep(0)
            order.append(f"{name} ends")
            return Timing(first_token_s=0.1, last_token_s=0.2, tokens=request.sampling.max_tokens)

        return generate

    arms = {"raw": arm("raw"), "serve": arm("serve")}
    samples = await measure(arms, ModelId("fake"), tokens=3, rounds=2, slots=1)
    turns = ["raw starts", "raw ends", "serve starts", "serve ends"]
    assert order == turns * 3, "one round to warm up and two that count"
    assert [sample.arm for sample in samples] == ["raw", "serve"] * 2


async def test_an_llm_is_timed_by_its_pieces() -> None:
    llm = FakeLLM(lambda _: "one two three four")
    samples = await measure({"raw": llm_arm(llm)}, ModelId("fake"), tokens=3, rounds=1, slots=2)
    assert [sample.concurrency for sample in samples] == [1, 2]
    assert all(sample.tokens_per_s > 0 and sample.decode_tokens_per_s > 0 for sample in samples)
    prompts = {request.messages[0].content for request in llm.requests}
    assert len(prompts) >= 3, "no prompt is repeated within an arm's round"
