"""Drawing samples: in order of their index, once each, and again after a stop only what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs import draw as drawing
from jobs.benchmarks import Task
from jobs.draw import SampleRow, draw_all
from jobs.ledger import open_ledger
from qlayer.app.settings import Settings, load_settings
from qlayer.errors import LLMUnavailable
from qlayer.llm.base import ChatRequest
from qlayer.llm.fake import FakeLLM, FakeLLMConfig
from qlayer.types.ids import ModelId

MODEL = ModelId("qwen2.5-coder-0.5b")
TASKS = tuple(
    Task(id=name, text=f'def {name}(x: int) -> int:\n    """Add one."""\n', entry_point=name, tests="")
    for name in ("one", "two")
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(model=MODEL, data_dir=tmp_path)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[ChatRequest]:
    """The requests that reach the model; the fourth finds it gone, once."""
    requests: list[ChatRequest] = []

    def answer(request: ChatRequest) -> str:
        requests.append(request)
        if len(requests) == 4:
            raise LLMUnavailable("gone")
        return "```python\npass\n```"

    monkeypatch.setattr(
        drawing, "build_llm", lambda settings, catalogue: FakeLLM(answer, FakeLLMConfig(model=MODEL))
    )
    return requests


async def test_samples_come_index_by_index_and_a_second_start_draws_only_the_rest(
    tmp_path: Path, settings: Settings, asked: list[ChatRequest]
) -> None:
    path = tmp_path / "samples.jsonl"
    with open_ledger(path, SampleRow) as ledger, pytest.raises(LLMUnavailable):
        await draw_all(settings, TASKS, ledger, samples=2, seed=3)
    with open_ledger(path, SampleRow) as ledger:
        assert [(row.task, row.index) for row in ledger.rows] == [("one", 0), ("two", 0), ("one", 1)]
        assert await draw_all(settings, TASKS, ledger, samples=2, seed=3) == 1
    with open_ledger(path, SampleRow) as ledger:
        assert [(row.task, row.index) for row in ledger.rows][-1] == ("two", 1)
        assert await draw_all(settings, TASKS, ledger, samples=2, seed=3) == 0
    assert len(asked) == 5
    assert [request.sampling.temperature for request in asked] == [0.0, 0.0, 0.8, 0.8, 0.8]
    assert asked[2].sampling.seed == 3_001


async def test_another_seed_draws_other_samples_but_the_same_greedy_one(
    tmp_path: Path, settings: Settings, asked: list[ChatRequest]
) -> None:
    with open_ledger(tmp_path / "samples.jsonl", SampleRow) as ledger:
        await draw_all(settings, TASKS[:1], ledger, samples=2, seed=1)
        assert await draw_all(settings, TASKS[:1], ledger, samples=1, seed=2) == 0
        assert len(ledger.rows) == 2
