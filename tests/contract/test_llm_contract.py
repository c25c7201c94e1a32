"""What every `LLM` promises, whoever it is. A new backend is one line in `BACKENDS`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from llm_backends import (
    Backend,
    fake_backend,
    http_backend,
    http_llamacpp_backend,
    llamacpp_backend,
    logged_backend,
    until,
)

from qlayer.errors import InputError, LLMUnavailable, NotFoundError, PromptTooLong
from qlayer.llm.base import ChatChunk, ChatRequest, Message, complete
from qlayer.types.candidate import Sampling
from qlayer.types.ids import ModelId

BACKENDS = [
    pytest.param(fake_backend, id="fake"),
    pytest.param(http_backend, id="openai-over-fake"),
    pytest.param(logged_backend, id="log-before-fake"),
    pytest.param(llamacpp_backend, id="llamacpp", marks=pytest.mark.model),
    pytest.param(http_llamacpp_backend, id="openai-over-llamacpp", marks=pytest.mark.model),
]
COUNT = "Count from 1 to 300 in digits, separated by spaces: 1 2 3 4 5 and so on. Only the numbers."


@pytest.fixture(params=BACKENDS)
async def backend(request: pytest.FixtureRequest) -> AsyncIterator[Backend]:
    async with request.param() as started:
        yield started


def ask(backend: Backend, text: str = COUNT, **sampling: object) -> ChatRequest:
    given = {"max_tokens": 24, **sampling}
    return ChatRequest(
        model=backend.model,
        messages=(Message(role="user", content=text),),
        sampling=Sampling.model_validate(given),
    )


async def collect(backend: Backend, request: ChatRequest) -> list[ChatChunk]:
    return [chunk async for chunk in backend.llm.stream(request)]


async def test_streams_in_pieces_and_ends_with_reason_and_usage(backend: Backend) -> None:
    *pieces, last = await collect(backend, ask(backend))
    assert len(pieces) > 5
    assert all(piece.text and piece.finish_reason is None for piece in pieces)
    assert last.text == ""
    assert last.finish_reason == "length"
    assert last.usage is not None
    assert last.usage.completion_tokens == 24
    assert last.usage.prompt_tokens > 10


async def test_max_tokens_bounds_the_answer(backend: Backend) -> None:
    one = await complete(backend.llm, ask(backend, max_tokens=1))
    assert (one.usage.completion_tokens, one.finish_reason) == (1, "length")
    assert one.text


async def test_a_stop_string_ends_the_answer_and_is_left_out(backend: Backend) -> None:
    free = await complete(backend.llm, ask(backend))
    stop = free.text[6:9]
    assert stop.strip()
    stopped = await complete(backend.llm, ask(backend, stop=(stop,)))
    assert stopped.finish_reason == "stop"
    assert stopped.text == free.text[: free.text.index(stop)]


async def test_greedy_repeats_itself(backend: Backend) -> None:
    first, second = [await complete(backend.llm, ask(backend)) for _ in range(2)]
    assert first.text == second.text


async def test_a_seed_repeats_a_sample(backend: Backend) -> None:
    texts = [(await complete(backend.llm, ask(backend, temperature=1.0, seed=11))).text for _ in range(2)]
    assert texts[0] == texts[1]


async def test_a_repeated_prefix_is_taken_from_the_cache(backend: Backend) -> None:
    first = await complete(backend.llm, ask(backend, max_tokens=1))
    again = await complete(backend.llm, ask(backend, max_tokens=2))
    assert again.usage.prompt_tokens == first.usage.prompt_tokens
    assert again.usage.cached_tokens >= first.usage.prompt_tokens // 2


async def test_a_schema_binds_the_answer(backend: Backend) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 0, "maximum": 99}},
        "required": ["n"],
        "additionalProperties": False,
    }
    request = ask(backend, "Give me a JSON object with a number n.", max_tokens=60)
    answer = await complete(backend.llm, request.model_copy(update={"response_schema": schema}))
    value = json.loads(answer.text)
    assert set(value) == {"n"}
    assert isinstance(value["n"], int)


async def test_logprobs_come_when_asked_for_and_only_then(backend: Backend) -> None:
    request = ask(backend, max_tokens=8)
    assert (await complete(backend.llm, request)).logprobs == ()
    answer = await complete(backend.llm, request.model_copy(update={"logprobs": True}))
    assert len(answer.logprobs) == 8
    assert all(logprob.logprob <= 0 for logprob in answer.logprobs)
    assert "".join(logprob.token for logprob in answer.logprobs) == answer.text


async def test_text_beyond_ascii_comes_whole(backend: Backend) -> None:
    request = ask(backend, "Repeat: héllo wörld 😀 ok", max_tokens=16)
    answer = await complete(backend.llm, request)
    assert "\ufffd" not in answer.text


async def test_a_prompt_beyond_the_context_is_refused_with_both_numbers(backend: Backend) -> None:
    [served] = await backend.llm.models()
    with pytest.raises(PromptTooLong) as caught:
        await complete(backend.llm, ask(backend, "word " * (served.context_tokens + 100)))
    assert caught.value.context_tokens == served.context_tokens
    assert caught.value.prompt_tokens > served.context_tokens
    assert str(served.context_tokens) in caught.value.message
    assert not caught.value.retryable


ROOM_LEFT = 4
"""Tokens: fewer than the shortest answer to `COUNT`."""


async def test_an_answer_that_fills_the_context_ends_as_length(backend: Backend) -> None:
    [served] = await backend.llm.models()
    short = await complete(backend.llm, ask(backend, "word " * 100 + COUNT, max_tokens=1))
    room = served.context_tokens - short.usage.prompt_tokens
    words = "word " * (100 + room - ROOM_LEFT)
    answer = await complete(backend.llm, ask(backend, words + COUNT, max_tokens=100_000))
    assert answer.finish_reason == "length"
    assert answer.usage.prompt_tokens + answer.usage.completion_tokens <= served.context_tokens


async def test_another_model_is_not_found(backend: Backend) -> None:
    request = ask(backend).model_copy(update={"model": ModelId("gpt-99")})
    with pytest.raises(NotFoundError, match="gpt-99"):
        await complete(backend.llm, request)


async def test_an_empty_stop_string_is_refused(backend: Backend) -> None:
    with pytest.raises(InputError) as caught:
        await complete(backend.llm, ask(backend, stop=("",)))
    assert caught.value.field == "stop"


async def test_models_tells_id_and_context(backend: Backend) -> None:
    [served] = await backend.llm.models()
    assert served.id == backend.model
    assert served.context_tokens >= 512


async def test_closing_a_stream_frees_the_slot(backend: Backend) -> None:
    stream = backend.llm.stream(ask(backend, max_tokens=600))
    assert (await anext(stream)).text
    assert backend.engine.occupancy.running == 1
    await stream.aclose()
    await until(lambda: backend.idle)
    assert (await complete(backend.llm, ask(backend, max_tokens=2))).text


async def test_cancelling_the_task_frees_the_slot(backend: Backend) -> None:
    seen = asyncio.Event()
    request = ask(backend, max_tokens=600)
    task = asyncio.create_task(complete(backend.llm, request, on_text=lambda _: seen.set()))
    await seen.wait()
    assert backend.engine.occupancy.running == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: backend.idle)


async def test_more_requests_than_slots_wait_their_turn(backend: Backend) -> None:
    slots, short = backend.engine.occupancy.slots, ask(backend, max_tokens=12)
    tasks = [asyncio.create_task(complete(backend.llm, short)) for _ in range(slots + 2)]
    most: list[int] = []
    await until(lambda: most.append(backend.engine.occupancy.running) or all(task.done() for task in tasks))
    assert max(most) == slots
    assert {(await task).usage.completion_tokens for task in tasks} == {12}
    await until(lambda: backend.idle)


async def test_cancelling_a_request_that_waits_leaves_the_queue(backend: Backend) -> None:
    slots, long = backend.engine.occupancy.slots, ask(backend, max_tokens=600)
    running = [asyncio.create_task(complete(backend.llm, long)) for _ in range(slots + 1)]
    await until(lambda: backend.engine.occupancy.queued > 0)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    await until(lambda: backend.idle)


async def test_closing_ends_what_runs_as_cancelled_and_refuses_what_comes(backend: Backend) -> None:
    stream = backend.llm.stream(ask(backend, max_tokens=600))
    assert (await anext(stream)).text
    await backend.llm.aclose()
    rest = [chunk async for chunk in stream]
    assert rest[-1].finish_reason == "cancelled"
    assert rest[-1].usage is not None
    await backend.llm.aclose()
    with pytest.raises(LLMUnavailable):
        await complete(backend.llm, ask(backend))
