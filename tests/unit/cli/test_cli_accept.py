"""What a capsule's level rests on is shown, and a person can accept it from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from qlayer.cli import capsule_accept
from qlayer.llm.fake import FakeLLM
from qlayer.sandbox.base import SandboxJob, SandboxResult, ValuesJob
from qlayer.sandbox.fake import FakeSandbox, accept, result_of, unsafe_in_process
from qlayer.types.verdict import Outcome

SPEC = "def double(n: int) -> int\n\nTwice the number.\n\ndouble(2) == 4\ndouble(1) == 2\n"
ANSWER = "```python\ndef double(n: int) -> int:\n    return eval(str(n)) * 2\n```"


def judge(job: SandboxJob) -> SandboxResult:
    if not isinstance(job, ValuesJob) or not job.cases:
        return accept(job)
    return unsafe_in_process(job.model_copy(update={"module": "double.core"}))


@pytest.fixture
def capsule(qlayer: Any, fakes: Callable[..., FakeLLM], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(capsule_accept, "build_sandbox", lambda _: FakeSandbox(judge))
    fakes(lambda _: ANSWER, FakeSandbox(judge))
    return str(json.loads(qlayer("generate", SPEC, "--json").stdout)["capsule"])


def test_the_proof_and_the_assessment_are_shown(qlayer: Any, capsule: str) -> None:
    shown = qlayer("capsule", "show", capsule).stdout
    assert "mutants noticed" in shown and " calls  100%" in shown
    assert "bandit B307" in shown and "medium" in shown
    assert "complexity" in shown and "cost of" in shown
    manifest = json.loads(qlayer("capsule", "show", capsule, "--json").stdout)
    assert manifest["proofs"][0]["slot"] == "double"
    assert manifest["assessment"]["findings"][0]["rule"] == "B307"


def test_accepting_makes_a_capsule_at_v5(qlayer: Any, capsule: str) -> None:
    done = qlayer("capsule", "accept", capsule, "--by", "ada", "--note", "read it", "--json")
    assert done.exit_code == 0, done.output
    accepted = json.loads(done.stdout)["capsule"]
    manifest = json.loads(qlayer("capsule", "show", accepted, "--json").stdout)
    assert manifest["decision"]["level"] == "V5"
    assert (manifest["acceptance"]["who"], manifest["acceptance"]["parent"]) == ("ada", capsule)
    assert qlayer("capsule", "verify", accepted).exit_code == 0
    assert "ada accepted it and says: read it" in qlayer("capsule", "show", accepted).stdout.replace(
        "\n", " "
    )


def test_a_capsule_whose_checks_fail_now_is_not_accepted(
    qlayer: Any, capsule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = FakeSandbox(lambda job: result_of(job, Outcome.RUNTIME_ERROR, "it broke since"))
    monkeypatch.setattr(capsule_accept, "build_sandbox", lambda _: failing)
    done = qlayer("capsule", "accept", capsule, "--by", "ada")
    assert done.exit_code != 0
    assert len(json.loads(qlayer("capsule", "ls", "--json").stdout)) == 1
