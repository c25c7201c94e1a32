"""Eight models that do what a bad model does, behind the interface of all models; and an ear at any.

Each is a `FakeLLM` with a script: it obeys the contract in full, so that only what it says is bad.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing

from qlayer.llm.base import LLM, ChatChunk, ChatRequest, Message, ServedModel
from qlayer.llm.fake import FakeLLM, FakeLLMConfig
from qlayer.types.ids import Digest, ModelId, digest_of

CONTEXT_TOKENS = 64_000
SLOW_TOKEN_S = 0.25
"""Pause before each token of the slow model: a program of 200 tokens takes longer than a small budget."""
_HEAD = re.compile(r"^[ \t]*((?:async )?def \w+\(.*?\)(?: ->[^\n]*)?):$", re.M | re.S)
_ANY_HEAD = "def answer(*args: object) -> object"
_ENDLESS_WORDS = 6_000

Body = Callable[[int], str]
"""The lines of a function, from the number of the answer."""


def _writes(body: Body) -> Callable[[ChatRequest], str]:
    """A script that answers with the function that is asked for, with this body."""
    numbers = itertools.count()

    def answer(request: ChatRequest) -> str:
        heads = _HEAD.findall(request.messages[-1].content)
        lines = "".join(f"    {line}\n" for line in body(next(numbers)).splitlines())
        return f"```python\n{heads[-1] if heads else _ANY_HEAD}:\n{lines}```\n"

    return answer


def _says(text: str) -> Callable[[ChatRequest], str]:
    return lambda _: text


def _in_letters(number: int) -> str:
    """A word for a number: digits do not tell errors apart."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


_SCRIPTS: Mapping[str, Callable[[], Callable[[ChatRequest], str]]] = {
    "endless text": lambda: _says("```python\n" + " ".join(f"word{n}" for n in range(_ENDLESS_WORDS))),
    "same wrong program": lambda: _writes(lambda _: "return None"),
    "same error": lambda: _writes(lambda n: f"seen = {n}\nraise ValueError('as ever')"),
    "new error each time": lambda: _writes(lambda n: f"raise ValueError('no ' + '{_in_letters(n)}')"),
    "empty": lambda: _says(""),
    "prose": lambda: _says("I am sorry, but this cannot be done, and I would rather tell you about my day."),
    "slow": lambda: _writes(lambda n: "\n".join(f"step_{n}_{at} = {at}" for at in range(60))),
    "loops for ever": lambda: _writes(lambda n: f"turns = {n}\nwhile True:\n    turns += 1"),
}
BEHAVIOURS: tuple[str, ...] = tuple(_SCRIPTS)


def nasty_id(behaviour: str) -> ModelId:
    return ModelId("nasty-" + behaviour.replace(" ", "-"))


class NastyModels:
    """One server of all eight."""

    def __init__(self) -> None:
        self._by_id = {nasty_id(name): FakeLLM(script(), _config(name)) for name, script in _SCRIPTS.items()}

    def stream(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        return self._by_id[request.model].stream(request)

    async def models(self) -> tuple[ServedModel, ...]:
        return tuple([(await one.models())[0] for one in self._by_id.values()])

    async def aclose(self) -> None:
        for one in self._by_id.values():
            await one.aclose()


def _config(behaviour: str) -> FakeLLMConfig:
    pause = SLOW_TOKEN_S if behaviour == "slow" else 0.0
    return FakeLLMConfig(model=nasty_id(behaviour), context_tokens=CONTEXT_TOKENS, token_s=pause, slots=16)


class Overheard:
    """Another model; `keep` gets the digest and the messages of all that it is asked, before it answers.

    The digest is the one in a run's record, so every prompt of a run can be read again.
    """

    def __init__(self, behind: LLM, keep: Callable[[Digest, tuple[Message, ...]], None]) -> None:
        self._behind = behind
        self._keep = keep

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        self._keep(digest_of([message.model_dump() for message in request.messages]), request.messages)
        async with aclosing(self._behind.stream(request)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def models(self) -> tuple[ServedModel, ...]:
        return await self._behind.models()

    async def aclose(self) -> None:
        """What is behind is its owner's to close."""
