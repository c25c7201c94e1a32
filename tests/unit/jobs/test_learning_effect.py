"""The experiment on corrections: its briefs are sound, and its stages go through the product."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from jobs.house_briefs import CORRECTED, HELD_OUT, HouseBrief
from jobs.learning_effect import Experiment, OutOfTime
from jobs.paired import mcnemar
from qlayer.app.build import open_platform
from qlayer.app.settings import Settings
from qlayer.generation.intake import parse_spec
from qlayer.llm.base import ChatRequest
from qlayer.llm.fake import FakeLLM, FakeLLMConfig
from qlayer.sandbox.base import SandboxJob, SandboxResult, ValuesJob
from qlayer.sandbox.fake import FakeSandbox, accept, unsafe_in_process
from qlayer.types.ids import ModelId
from qlayer.types.source import SourceTree

MODEL = ModelId("qwen2.5-coder-0.5b")
ALL = (*CORRECTED, *HELD_OUT)


def judge(job: SandboxJob) -> SandboxResult:
    """Calls run here, in the only module of the package; importing and pytest are taken as passed."""
    if not isinstance(job, ValuesJob) or not job.cases:
        return accept(job)
    package = job.cases[0].function
    path = next((path for path in job.tree.paths() if path.endswith(f"{package}/core.py")), "m.py")
    tree = SourceTree(files={"m.py": job.tree.files[path]})
    return unsafe_in_process(job.model_copy(update={"tree": tree, "module": "m"}))


def passes(brief: HouseBrief, code: str) -> bool:
    plan = brief.hidden("m")
    tree = SourceTree(files={"m.py": code.encode()})
    return unsafe_in_process(ValuesJob(tree=tree, module="m", cases=plan.cases)).verdict.accepted


def test_the_briefs_are_twenty_and_twenty_and_none_is_in_both() -> None:
    assert len(CORRECTED) == len(HELD_OUT) == 20
    assert len({brief.field for brief in ALL}) == 40


@pytest.mark.parametrize("brief", ALL, ids=lambda brief: brief.field)
def test_the_correction_is_right_and_the_request_does_not_give_it_away(brief: HouseBrief) -> None:
    assert passes(brief, brief.right)
    assert not passes(brief, brief.right.replace("(", "[", 2).replace(")", "]", 2).replace("below", "low"))
    assert not passes(brief, f"def {brief.function}(value):\n    return None\n")
    spec = parse_spec(brief.request)
    assert len(spec.examples) == 1 and spec.examples[0].expected == "None"
    assert not any(word in brief.request for word in ("below", "above", "tuple"))


def test_mcnemar() -> None:
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(0, 1) == 1.0
    assert mcnemar(0, 10) == pytest.approx(2 / 1024)
    assert mcnemar(3, 3) == 1.0


def parrot(request: ChatRequest) -> str:
    """A model that does as it is shown, and knows no house convention by itself."""
    asked = request.messages[-1].content
    head = next(line for line in reversed(asked.splitlines()) if line.startswith("def "))
    brief = next(brief for brief in ALL if f"{brief.function}(" in head)
    shown = '"below"' in asked or '"above"' in asked
    return f"```python\n{brief.right if shown else head + chr(10) + '    return None'}\n```"


async def test_a_model_that_follows_what_it_is_shown_learns_and_stopping_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.learning_effect.CORRECTED", CORRECTED[:3])
    monkeypatch.setattr("jobs.learning_effect.HELD_OUT", HELD_OUT[:2])
    settings = Settings(data_dir=tmp_path, model=MODEL, memory="lexical")
    llm = FakeLLM(parrot, FakeLLMConfig(model=MODEL))
    async with (
        FakeSandbox(judge) as sandbox,
        open_platform(settings, llm=llm, sandbox=sandbox) as platform,
    ):
        with pytest.raises(OutOfTime):
            await Experiment(platform, time.monotonic() - 1).run()
        effect = await Experiment(platform, time.monotonic() + 600).run()
        asked = len(llm.requests)
        again = await Experiment(platform, time.monotonic() - 1).run()
    assert (effect.before, effect.after, effect.corrections) == (0, 2, 3)
    assert all(result.hints == 2 and result.allowed_before for result in effect.briefs)
    assert again == effect and len(llm.requests) == asked, "nothing is done twice"
