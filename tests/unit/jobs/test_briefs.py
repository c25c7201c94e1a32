"""The forty briefs: what intake makes of each, that its reference passes, that the bare skeleton does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from jobs.briefs import Brief, judge, load_briefs, reference_tree, skeleton_of
from qlayer.errors import InputError, TierUnavailable
from qlayer.generation.intake import parse_spec
from qlayer.generation.templates import choose
from qlayer.sandbox.base import Sandbox
from qlayer.sandbox.config import WarmConfig
from qlayer.sandbox.warm import WarmSandbox
from qlayer.types.check import Case, CasesPlan, HttpPlan, PytestPlan
from qlayer.validation.checks import run_check

BRIEFS = load_briefs()
each = pytest.mark.parametrize("brief", BRIEFS, ids=lambda brief: brief.id)
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    try:
        async with WarmSandbox(WarmConfig(workers=1)) as started:
            yield started
    except TierUnavailable as missing:
        pytest.skip(f"warm: {missing}")


async def test_there_are_forty() -> None:
    assert Counter(brief.family for brief in BRIEFS) == {"function": 14, "service": 12, "cli": 7, "data": 7}


@each
async def test_the_request_is_understood_whole_and_every_slot_is_written(brief: Brief) -> None:
    spec = parse_spec(brief.text)
    assert spec.ignored == ()
    assert choose(spec)[0].name == brief.family
    skeleton = skeleton_of(brief.text)
    finished = reference_tree(brief)
    assert skeleton.slots, "without a slot there is nothing that a model could get wrong"
    assert not any("NotImplementedError" in finished.text(slot.path) for slot in skeleton.slots)


@each
async def test_the_request_shows_no_hidden_case(brief: Brief) -> None:
    plans = [plan for plan in skeleton_of(brief.text).final if isinstance(plan, CasesPlan | HttpPlan)]
    shown = {told(case) for plan in plans for case in plan.cases}
    assert shown and brief.acceptance.hidden
    assert not shown & {told(case) for case in brief.acceptance.cases}


def told(case: Case) -> tuple[str, str, str, str]:
    """A call with what it gives: whoever knows it can answer it without a program."""
    return case.function, case.args, case.kwargs, case.expected.value if case.expected else ""


async def test_a_hidden_example_that_is_not_understood_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "function-add"
    folder.mkdir()
    (folder / "brief.md").write_text("# Add\n\ndef add(a: int, b: int) -> int\n\nadd(1, 2) == 3\n")
    (folder / "reference.py").write_text("def add(a, b):\n    return a + b\n")
    (folder / "acceptance.md").write_text("- add(1, 5) == 6\n- add(1, here) == 3\n")
    with pytest.raises(InputError, match="function-add"):
        load_briefs(tmp_path)


@each
async def test_the_reference_passes_and_the_skeleton_does_not(brief: Brief, sandbox: Sandbox) -> None:
    skeleton, finished = skeleton_of(brief.text), reference_tree(brief)
    result = await judge(brief, finished, sandbox)
    assert result.ok and result.hidden, result
    assert all(case.returned is None for case in result.cases)
    for plan in (*skeleton.boot, *skeleton.final):
        if not isinstance(plan, PytestPlan):
            shown = await run_check(plan, finished, sandbox)
            assert shown.ok, (plan.name, shown.verdict.cause)
    assert not (await judge(brief, skeleton.tree, sandbox)).ok
