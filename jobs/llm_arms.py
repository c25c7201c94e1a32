"""The arms of the language model benchmark: what each does, taking turns, and what came of it."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from qlayer.llm.base import LLM, ChatRequest, Message
from qlayer.llm.llamacpp import LlamaCpp, LlamaCppConfig, open_server
from qlayer.llm.openai import OpenAICompatible
from qlayer.types.candidate import Sampling
from qlayer.types.frozen import Frozen
from qlayer.types.ids import ModelId

PROMPT = (
    "Write a Python module with a class Matrix{number} that has add, multiply, transpose and determinant "
    "methods, with type annotations and docstrings. Only the code."
)


ARMS = ("raw", "engine", "serve")


class Timing(Frozen):
    """One request: when its first and last token came, in seconds after its start, and how many came."""

    first_token_s: float
    last_token_s: float
    tokens: int


class Round(Frozen):
    """One arm's turn: as many requests at once as `concurrency`."""

    arm: str
    concurrency: int
    first_token_s: float
    """Mean over the requests."""
    tokens_per_s: float
    """All tokens over the time from the first start to the last token."""
    decode_tokens_per_s: float
    """Of one request after its first token; mean over the requests."""


class Summary(Frozen):
    """Medians over the rounds; `ratio` is the median over the rounds of this arm against raw's same round."""

    arm: str
    concurrency: int
    first_token_s: float
    tokens_per_s: float
    decode_tokens_per_s: float
    ratio: float


Arm = Callable[[ChatRequest], Awaitable[Timing]]


async def measure(
    arms: dict[str, Arm], model: ModelId, *, tokens: int, rounds: int, slots: int
) -> list[Round]:
    """All rounds, arm after arm, after one unmeasured round each."""
    samples = []
    for number in range(rounds + 1):
        for concurrency in sorted({1, slots}):
            for name, arm in arms.items():
                requests = [_request(model, tokens, number * slots + i) for i in range(concurrency)]
                sample = await _round(name, arm, requests)
                if number > 0:
                    samples.append(sample)
    return samples


def summarise(samples: Sequence[Round]) -> tuple[Summary, ...]:
    """One row for each arm and concurrency."""
    rows = []
    for concurrency, arm in sorted({(s.concurrency, s.arm) for s in samples}, key=_order):
        mine, raw = (
            [s for s in samples if s.concurrency == concurrency and s.arm == name] for name in (arm, "raw")
        )
        ratios = [m.tokens_per_s / r.tokens_per_s for m, r in zip(mine, raw, strict=True)]
        rows.append(
            Summary(
                arm=arm,
                concurrency=concurrency,
                first_token_s=statistics.median(s.first_token_s for s in mine),
                tokens_per_s=statistics.median(s.tokens_per_s for s in mine),
                decode_tokens_per_s=statistics.median(s.decode_tokens_per_s for s in mine),
                ratio=statistics.median(ratios),
            )
        )
    return tuple(rows)


def _order(row: tuple[int, str]) -> tuple[int, int]:
    return row[0], ARMS.index(row[1])


async def _round(name: str, arm: Arm, requests: list[ChatRequest]) -> Round:
    started = time.perf_counter()
    timings = await asyncio.gather(*(arm(request) for request in requests))
    seconds = time.perf_counter() - started
    return Round(
        arm=name,
        concurrency=len(requests),
        first_token_s=statistics.mean(t.first_token_s for t in timings),
        tokens_per_s=sum(t.tokens for t in timings) / seconds,
        decode_tokens_per_s=statistics.mean(
            (t.tokens - 1) / (t.last_token_s - t.first_token_s) for t in timings
        ),
    )


def _request(model: ModelId, tokens: int, number: int) -> ChatRequest:
    """Prompts differ, so that each is computed anew behind the part that all share."""
    message = Message(role="user", content=PROMPT.format(number=number))
    return ChatRequest(model=model, messages=(message,), sampling=Sampling(max_tokens=tokens))


def raw_arm(server: Any) -> Arm:
    """llama.cpp called from a thread, pieces counted in its own callback."""

    def generate(request: ChatRequest) -> Timing:
        times: list[float] = []
        started = time.perf_counter()

        def piece(value: dict[str, Any]) -> None:
            if value["choices"] and value["choices"][0]["delta"].get("content"):
                times.append(time.perf_counter() - started)

        body = {
            "messages": [message.model_dump() for message in request.messages],
            "max_tokens": request.sampling.max_tokens,
            "temperature": 0,
            "stream": True,
        }
        server.handle_chat_completions(body, piece)
        return Timing(first_token_s=times[0], last_token_s=times[-1], tokens=len(times))

    return lambda request: asyncio.to_thread(generate, request)


def llm_arm(llm: LLM) -> Arm:
    async def generate(request: ChatRequest) -> Timing:
        started = time.perf_counter()
        times = [time.perf_counter() - started async for chunk in llm.stream(request) if chunk.text]
        return Timing(first_token_s=times[0], last_token_s=times[-1], tokens=len(times))

    return generate


@asynccontextmanager
async def three_arms(config: LlamaCppConfig, base_url: str) -> AsyncIterator[dict[str, Arm]]:
    """Each arm has weights of its own in memory; only one computes at a time."""
    engine = LlamaCpp(config)
    served = OpenAICompatible(base_url)
    try:
        await engine.load()
        yield dict(zip(ARMS, (raw_arm(open_server(config)), llm_arm(engine), llm_arm(served)), strict=True))
    finally:
        await served.aclose()
        await engine.aclose()
