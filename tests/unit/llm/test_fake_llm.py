"""The fake beyond the contract: its script and its failures."""

from __future__ import annotations

import pytest

from qlayer.errors import LLMError, LLMUnavailable
from qlayer.llm.base import ChatRequest, Message, complete
from qlayer.llm.fake import Failure, FakeLLM, FakeLLMConfig
from qlayer.types.ids import ModelId


def ask(text: str) -> ChatRequest:
    return ChatRequest(model=ModelId("fake"), messages=(Message(role="user", content=text),))


async def test_answers_come_in_order_and_then_no_more() -> None:
    llm = FakeLLM(["one", "two"])
    assert [(await complete(llm, ask("?"))).text for _ in range(2)] == ["one", "two"]
    with pytest.raises(LLMError, match="no answer left"):
        await complete(llm, ask("?"))


async def test_a_function_sees_the_request() -> None:
    llm = FakeLLM(lambda request: request.messages[-1].content.upper())
    assert (await complete(llm, ask("def f(x):\n    return 'é'"))).text == "DEF F(X):\n    RETURN 'É'"
    assert [request.messages[0].content for request in llm.requests] == ["def f(x):\n    return 'é'"]


async def test_it_fails_on_demand_after_what_it_said() -> None:
    llm = FakeLLM([Failure(LLMUnavailable("away"), text="half of"), "whole"])
    said: list[str] = []
    with pytest.raises(LLMUnavailable, match="away"):
        await complete(llm, ask("?"), on_text=said.append)
    assert said == ["half", " of"]
    assert (await complete(llm, ask("?"))).text == "whole"
    assert llm.occupancy.running == 0


async def test_a_full_queue_refuses_at_once() -> None:
    llm = FakeLLM(lambda _: "a b c", FakeLLMConfig(slots=1, max_queued=0))
    first = llm.stream(ask("?"))
    await anext(first)
    with pytest.raises(LLMUnavailable, match="overloaded"):
        await complete(llm, ask("?"))
    await first.aclose()
    assert (await complete(llm, ask("?"))).text == "a b c"
