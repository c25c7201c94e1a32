"""One folder of answers: drawn ones are read, others are added once and found by the next process."""

from __future__ import annotations

from pathlib import Path

from jobs.draw import SampleRow
from jobs.logs import logged
from qlayer.llm.base import ChatRequest, Message, complete
from qlayer.llm.fake import FakeLLM
from qlayer.llm.logged import request_key
from qlayer.types.ids import ModelId, digest_of


def request(text: str) -> ChatRequest:
    return ChatRequest(model=ModelId("fake"), messages=(Message(role="user", content=text),))


def write_sample(folder: Path, asked: ChatRequest, text: str) -> None:
    row = SampleRow(
        key=request_key(asked),
        task="t",
        index=0,
        seed=0,
        model=asked.model,
        prompt=digest_of([message.model_dump() for message in asked.messages]),
        sampling=asked.sampling,
        text=text,
        finish_reason="stop",
        tokens=7,
        seconds=2.5,
    )
    (folder / "samples.jsonl").write_text(row.model_dump_json() + '\n{"key": "half a li')


async def test_drawn_and_added_answers_are_replayed(tmp_path: Path) -> None:
    write_sample(tmp_path, request("drawn"), "from the draw")
    model = FakeLLM(["from the model"])
    with logged(tmp_path, model) as llm:
        seen = await complete(llm, request("drawn"))
        assert (seen.text, seen.finish_reason, seen.usage.completion_tokens) == ("from the draw", "stop", 7)
        await complete(llm, request("new"))
    with logged(tmp_path, None) as replay:
        assert (await complete(replay, request("new"))).text == "from the model"
        assert replay.missed == 0
    assert len(model.requests) == 1
