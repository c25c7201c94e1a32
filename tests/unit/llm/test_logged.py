"""Answers from a log: the same as the model gave, only whole ones, and a miss that is told."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from jobs.draw import key_of
from qlayer.errors import AnswerMissing, LLMError
from qlayer.generation.sampler import Draw
from qlayer.llm.base import ChatRequest, Message, ServedModel, complete
from qlayer.llm.fake import Failure, FakeLLM
from qlayer.llm.logged import LoggedAnswer, LoggedLLM, request_key
from qlayer.types.candidate import Sampling
from qlayer.types.ids import ModelId, digest_of

TEXT = "def one() -> int:\n    return 1\n" * 4


def request(text: str = "Write one.", **fields: object) -> ChatRequest:
    return ChatRequest.model_validate(
        {"model": ModelId("fake"), "messages": (Message(role="user", content=text),), **fields}
    )


async def test_the_second_time_the_log_says_what_the_model_said() -> None:
    model, kept = FakeLLM([TEXT]), list[LoggedAnswer]()
    first = await complete(LoggedLLM((), model, keep=kept.append), request())
    replay = LoggedLLM(kept, None)
    pieces: list[str] = []
    assert await complete(replay, request(), pieces.append) == first
    assert len(pieces) > 1, "streamed, so that a reader can stop early"
    assert (replay.replayed, replay.missed, len(model.requests)) == (1, 0, 1)


@pytest.mark.parametrize(
    "other",
    [request("Write two."), request(sampling=Sampling(seed=7)), request(response_schema={"type": "object"})],
)
async def test_another_request_is_a_miss_that_is_told(other: ChatRequest) -> None:
    kept: list[LoggedAnswer] = []
    await complete(LoggedLLM((), FakeLLM([TEXT]), keep=kept.append), request())
    replay = LoggedLLM(kept, None)
    with pytest.raises(AnswerMissing, match="holds no answer"):
        await complete(replay, other)
    assert replay.missed == 1


async def test_an_answer_that_was_not_said_to_the_end_is_not_logged() -> None:
    kept: list[LoggedAnswer] = []
    broken = LoggedLLM((), FakeLLM([Failure(LLMError("gone"), TEXT), TEXT]), keep=kept.append)
    with pytest.raises(LLMError, match="gone"):
        await complete(broken, request())
    async with aclosing(broken.stream(request())) as chunks:
        await anext(chunks)
    assert kept == []


async def test_logprobs_are_asked_of_the_model_behind() -> None:
    kept: list[LoggedAnswer] = []
    llm = LoggedLLM((), FakeLLM([TEXT, TEXT]), keep=kept.append)
    await complete(llm, request())
    assert (await complete(llm, request(logprobs=True))).logprobs


async def test_without_a_model_it_serves_what_it_was_told() -> None:
    served = (ServedModel(id=ModelId("fake"), context_tokens=4096),)
    replay = LoggedLLM((), None, served=served)
    assert await replay.models() == served
    await replay.aclose()


def test_samples_that_were_drawn_are_found_by_the_same_key() -> None:
    asked = request(sampling=Sampling(seed=7))
    wanted = Draw(index=0, messages=asked.messages, sampling=asked.sampling)
    as_logged_before = digest_of([asked.model, [{"role": "user", "content": "Write one."}], asked.sampling])
    assert key_of(asked.model, wanted) == request_key(asked) == as_logged_before
