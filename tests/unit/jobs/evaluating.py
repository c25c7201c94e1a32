"""What tests of evaluations share: a platform with a scripted model and a judge that is quick."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from jobs.plan import Setup, open_for
from qlayer.app.build import Platform
from qlayer.app.settings import Settings
from qlayer.llm.base import ChatRequest
from qlayer.llm.fake import FakeLLM, FakeLLMConfig
from qlayer.sandbox.base import SandboxJob, SandboxResult, SplitJob, ValuesJob
from qlayer.sandbox.fake import FakeSandbox, accept, result_of, unsafe_in_process
from qlayer.types.ids import ModelId
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Outcome

MODEL = ModelId("qwen2.5-coder-0.5b")
RIGHT, WRONG = (
    "```python\ndef inc(x):\n    return x + 1\n```",
    "```python\ndef inc(x):\n    return x + 2\n```",
)


def judge(job: SandboxJob) -> SandboxResult:
    """Calls run here; the hidden tests bear what adds one; importing and pytest are taken as passed."""
    if isinstance(job, SplitJob):
        right = any("x + 1" in job.tree.text(path) for path in job.tree.paths() if path.endswith(".py"))
        return result_of(job, Outcome.ACCEPTED if right else Outcome.WRONG_ANSWER)
    if not isinstance(job, ValuesJob) or not job.cases or job.module is None:
        return accept(job)
    path = next(path for path in job.tree.paths() if path.endswith(job.module.replace(".", "/") + ".py"))
    tree = SourceTree(files={"m.py": job.tree.files[path]})
    return unsafe_in_process(job.model_copy(update={"tree": tree, "module": "m"}))


@asynccontextmanager
async def platform_for(
    folder: Path, answer: Callable[[ChatRequest], str] | None, **setup: object
) -> AsyncIterator[tuple[Platform, Setup, FakeLLM]]:
    """Open for an evaluation in `folder`; without `answer` the model must not be asked."""

    def refuse(_: ChatRequest) -> str:
        raise AssertionError("the model was asked")

    made = Setup(out=folder, **setup)  # type: ignore[arg-type]
    llm = FakeLLM(answer or refuse, FakeLLMConfig(model=MODEL))
    settings = Settings(data_dir=folder, model=MODEL, memory="off")
    async with (
        FakeSandbox(judge) as sandbox,
        open_for(settings, made, llm=llm, sandbox=sandbox) as platform,
    ):
        yield platform, made, llm
