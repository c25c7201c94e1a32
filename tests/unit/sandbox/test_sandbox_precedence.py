"""When several things are true of one run: every pair of them, and which one becomes the verdict."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import pytest

from qlayer.sandbox import wire
from qlayer.sandbox.base import Limits, SandboxResult, ValuesJob
from qlayer.sandbox.cgroup import Counters
from qlayer.sandbox.warm import plan as plans
from qlayer.sandbox.warm.disturbance import Conditions
from qlayer.sandbox.warm.grade.findings import Finding, most_severe
from qlayer.sandbox.warm.judge import judge
from qlayer.sandbox.warm.observation import Observation, Stop
from qlayer.sandbox.zygote.protocol import Ending
from qlayer.types.check import Case, Expectation
from qlayer.types.source import SourceTree
from qlayer.types.verdict import PRECEDENCE, Attribution, Evidence, Outcome, Tier, Verdict
from qlayer.types.verdict import most_severe as most_severe_outcome

LIMITS = Limits(cpu_s=2, wall_s=10, idle_s=3)
HELD_UP = Conditions(waited_s=9.0, cpu_s=0.1)
JOB = ValuesJob(
    tree=SourceTree().with_files({"m.py": "def f(x): return x\n"}),
    module="m",
    cases=(Case(name="one", function="f", args="(1,)", expected=Expectation(value="1")),),
)


class Fact(NamedTuple):
    """One thing that can be true of a run, as it shows in an observation. Empty fields: nothing shows."""

    outcome: Outcome
    counters: Mapping[str, int] = MappingProxyType({})
    ending: Mapping[str, object] = MappingProxyType({})
    stop: Stop | None = None
    case: str = ""
    done: bool = True
    junk: bytes = b""
    conditions: Conditions | None = None


FACTS = {
    "zygote died": Fact(Outcome.SANDBOX_ERROR, ending={"gone": True}),
    "cancelled": Fact(Outcome.CANCELLED, stop=Stop.CANCEL),
    "forged line": Fact(Outcome.POLICY_VIOLATION, junk=b"{}\n"),
    "report flood": Fact(Outcome.POLICY_VIOLATION, stop=Stop.REPORT),
    "oom": Fact(Outcome.MEMORY_LIMIT, counters={"oom_kills": 1, "limit_hits": 1}),
    "output": Fact(Outcome.OUTPUT_LIMIT, stop=Stop.OUTPUT),
    "disk full": Fact(Outcome.DISK_LIMIT, ending={"disk_full": True}),
    "forks refused": Fact(Outcome.PROCESS_LIMIT, counters={"forks_refused": 2}),
    "cpu of one": Fact(Outcome.CPU_LIMIT, ending={"cpu_us": 2_100_000}),
    "cpu of all": Fact(Outcome.CPU_LIMIT, stop=Stop.CPU, counters={"cpu_us": 2_100_000}),
    "wall": Fact(Outcome.WALL_LIMIT, stop=Stop.WALL),
    "idle": Fact(Outcome.IDLE_LIMIT, stop=Stop.IDLE),
    "held up at the wall": Fact(Outcome.NO_VERDICT, stop=Stop.WALL, conditions=HELD_UP),
    "host's oom": Fact(Outcome.NO_VERDICT, counters={"oom_kills": 1, "limit_hits": 0}),
    "signal": Fact(Outcome.SIGNALLED, ending={"status": 11}),
    "raised": Fact(Outcome.RUNTIME_ERROR, case="raised"),
    "survivors": Fact(Outcome.INCOMPLETE, ending={"survivors": True}),
    "no done": Fact(Outcome.INCOMPLETE, done=False),
    "wrong": Fact(Outcome.WRONG_ANSWER, case="wrong"),
    "nothing": Fact(Outcome.ACCEPTED),
}
HOSTS_DOING = {"held up at the wall", "host's oom"}


def observed(facts: list[Fact], nonce: str) -> Observation:
    """A run of which all of these are true. A stop kills the main process."""
    stop = next((fact.stop for fact in facts if fact.stop is not None), None)
    fields: dict[str, object] = {"status": 9 if stop else 0, "killed": stop is not None}
    counters: dict[str, int] = {}
    for fact in facts:
        fields |= dict(fact.ending)
        counters |= dict(fact.counters)
    ending = {"cpu_us": 1000, "peak_bytes": 1, "survivors": False, "disk_full": False} | fields
    gone = ending.pop("gone", False)
    return Observation(
        limits=LIMITS,
        ending=None if gone else Ending(**ending),  # type: ignore[arg-type]
        stop=stop,
        counters=Counters(**counters),
        wall_s=10.0,
        stdout=b"partial",
        stderr=b"",
        output_bytes=7,
        report=report(facts, nonce),
        tester_report=b"",
        conditions=next((fact.conditions for fact in facts if fact.conditions is not None), None),
    )


def report(facts: list[Fact], nonce: str) -> bytes:
    kinds = {fact.case for fact in facts}
    case: dict[str, object] = {"kind": "case", "index": 0, "value": wire.encode(5 if "wrong" in kinds else 1)}
    if "raised" in kinds:
        case = {"kind": "case", "index": 0, "error": {"type": "ValueError", "bases": ["ValueError"]}}
    lines = [{"kind": kind} for kind in ("ready", "compiled", "imported")] + [case]
    lines += [{"kind": "done"}] if all(fact.done for fact in facts) else []
    text = b"".join(json.dumps({"nonce": nonce, **line}).encode() + b"\n" for line in lines)
    return text + b"".join(fact.junk for fact in facts)


def judged(*names: str) -> SandboxResult:
    plan = plans.make(JOB)
    seen = observed([FACTS[name] for name in names], plan.job.nonce)
    return judge(JOB, plan, seen, Evidence(backend="warm", tier=Tier.FULL))


@pytest.mark.parametrize("name", FACTS)
def test_each_fact_alone_is_its_outcome_with_output_and_usage(name: str) -> None:
    result = judged(name)
    assert result.verdict.outcome is FACTS[name].outcome
    assert result.stdout == b"partial" and result.usage.wall_s == 10.0
    assert result.verdict.retryable == (result.verdict.outcome in (Outcome.SANDBOX_ERROR, Outcome.NO_VERDICT))
    assert result.verdict.cause and result.verdict.attribution
    again = SandboxResult.model_validate_json(result.model_dump_json())
    assert again == result


PAIRS = [
    pair
    for pair in itertools.combinations(FACTS, 2)
    # One run is stopped once, and a memory counter has one value.
    if not (FACTS[pair[0]].stop and FACTS[pair[1]].stop)
    and set(pair) != {"oom", "host's oom"}
    # Both are what the case's one report says.
    and set(pair) != {"raised", "wrong"}
]


def expected(pair: tuple[str, str]) -> Outcome:
    """The more severe; only what explains the other away is told apart."""
    outcomes = [FACTS[name].outcome for name in pair]
    others = [name for name in pair if name not in HOSTS_DOING]
    if "zygote died" in pair and set(pair) & {"oom", "host's oom"}:
        return next(FACTS[name].outcome for name in pair if name != "zygote died")
    limits = {Outcome.MEMORY_LIMIT, Outcome.OUTPUT_LIMIT, Outcome.DISK_LIMIT, Outcome.PROCESS_LIMIT}
    limits |= {Outcome.CPU_LIMIT, Outcome.POLICY_VIOLATION}
    if len(others) == 1 and FACTS[others[0]].outcome in limits and others[0] != "forged line":
        # What the program did by itself stands, however busy the host was.
        return FACTS[others[0]].outcome
    return most_severe_outcome(outcomes)


@pytest.mark.parametrize("pair", PAIRS, ids=" and ".join)
def test_of_every_pair_the_more_severe_is_the_verdict(pair: tuple[str, str]) -> None:
    assert judged(*pair).verdict.outcome is expected(pair)


def test_what_came_second_stands_in_the_evidence() -> None:
    verdict = judged("oom", "forks refused").verdict
    assert verdict.evidence.counter == "memory.oom_kill=1"
    assert any(entry.startswith("PROCESS_LIMIT: pids.events max=2") for entry in verdict.evidence.also)
    assert judged("nothing").verdict.evidence.also == ()


@pytest.mark.parametrize("pair", list(itertools.product(Outcome, Outcome)), ids="-".join)
def test_findings_are_ranked_by_precedence_and_order_of_finding(pair: tuple[Outcome, Outcome]) -> None:
    first, second = (Finding(outcome, str(number)) for number, outcome in enumerate(pair))
    won = most_severe([first, second])
    assert won.outcome is min(pair, key=PRECEDENCE.index)
    assert pair[0] is not pair[1] or won is first


def test_the_documented_order() -> None:
    words = "SANDBOX_ERROR POLICY_VIOLATION MEMORY_LIMIT OUTPUT_LIMIT DISK_LIMIT PROCESS_LIMIT CPU_LIMIT"
    words += " WALL_LIMIT IDLE_LIMIT SIGNALLED RUNTIME_ERROR INCOMPLETE WRONG_ANSWER ACCEPTED"
    named = [Outcome(word) for word in words.split()]
    assert [outcome for outcome in PRECEDENCE if outcome in named] == named


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_verdict_survives_json(outcome: Outcome) -> None:
    verdict = Verdict(
        outcome=outcome,
        phase="collect",
        cause="why",
        attribution=Attribution.CALLER,
        evidence=Evidence(
            backend="warm",
            tier=Tier.FULL,
            limit="cpu_s=1",
            environment="sha256:0",
            image_digest="sha256:1",
            hash_seed=0,
            also=("a",),
            tries=("b",),
        ),
    )
    assert Verdict.model_validate_json(verdict.model_dump_json()) == verdict
