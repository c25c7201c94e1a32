"""Arms of the loop from one log: each lacks one part, and they are compared on what all completed."""

from __future__ import annotations

from pathlib import Path

import pytest
from evaluating import MODEL, RIGHT, WRONG, platform_for
from test_function_suite import OTHER, TASK
from test_report import result

from jobs.ablation import ARMS, FULL, ablation_table, compare, run_arms
from jobs.function_suite import run_functions
from jobs.ledger import open_ledger
from jobs.results import TaskResult
from qlayer.errors import InputError
from qlayer.llm.base import ChatRequest
from qlayer.pipeline.policy import LoopPolicy


def greedy_is_wrong(request: ChatRequest) -> str:
    return WRONG if request.sampling.temperature == 0 else RIGHT


def test_every_arm_changes_fields_that_the_policy_has() -> None:
    for fields in ARMS.values():
        assert LoopPolicy.model_validate(fields).model_fields_set == fields.keys()


async def test_arms_replay_one_log_and_what_an_arm_lacks_is_left_out_of_all(tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with platform_for(tmp_path / "drawn", greedy_is_wrong, log=log) as (platform, setup, _):
        with open_ledger(setup.out / "results.jsonl", TaskResult) as ledger:
            await run_functions(platform, setup, "bench", [TASK], ledger, quiet=True)
    replay = platform_for(tmp_path / "ablation", None, log=log, replay_only=True)
    async with replay as (platform, setup, llm):
        with open_ledger(setup.out / "ablation.jsonl", TaskResult) as ledger:
            seen = await run_arms(platform, setup, "bench", [TASK, OTHER], ledger, quiet=True)
            assert len(ledger.rows) == len(ARMS), "an arm is a plan of its own"
    assert (seen.runs, seen.compared, llm.requests) == (2, 1, [])
    arms = {arm.arm: arm for arm in seen.arms}
    assert {arm.incomplete for arm in seen.arms} == {1}
    assert arms[FULL].numbers.selected == arms["no repair"].numbers.selected == 1.0
    assert (arms["greedy only"].numbers.selected, arms["greedy only"].lost) == (0.0, ("t",))
    assert "1 of 2 runs" in str(ablation_table(seen).title)


def test_gains_and_losses_are_against_the_full_loop() -> None:
    rows = {
        FULL: [result("a", "+"), result("b", "-"), result("c", "+")],
        "other": [result("a", "-", allowed=True), result("b", "+")],
    }
    seen = compare("bench", MODEL, rows, runs=3)
    full, other = seen.arms
    assert (seen.compared, full.incomplete, other.incomplete) == (2, 0, 1)
    assert (full.gained, full.lost) == ((), ())
    assert (other.gained, other.lost, other.signed_wrong, other.p_value) == (("b",), ("a",), 0.5, 1.0)


def test_nothing_in_common_is_refused() -> None:
    with pytest.raises(InputError, match="no run"):
        compare("bench", MODEL, {FULL: [result("a", "+")], "other": [result("b", "+")]}, runs=2)
