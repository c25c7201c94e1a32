"""A small finished run, its tree and its manifest, to test packaging with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from qlayer.packaging.manifest import build_manifest
from qlayer.types.candidate import Candidate, Sampling
from qlayer.types.capsule import CapsuleManifest, ModelCard
from qlayer.types.check import CheckResult, Decision, Level
from qlayer.types.ids import Digest, ModelId, RunId, digest_of, sha256
from qlayer.types.run import (
    AttemptKind,
    Checked,
    Decided,
    EventBody,
    RunEvent,
    RunRecord,
    RunRequest,
    Sampled,
    SkeletonBuilt,
    SlotSettled,
    SpecParsed,
    Started,
    Submitted,
)
from qlayer.types.source import SourceTree
from qlayer.types.spec import Spec
from qlayer.types.usage import TokenUsage
from qlayer.types.verdict import Attribution, Evidence, Outcome, Phase, Tier, Verdict

RUN = RunId("run-000000000001-aaaaaaaa")
MODEL = ModelId("qwen2.5-coder-1.5b")
CARD = ModelCard(id=MODEL, revision="r1", licence="Apache-2.0", digest=sha256(b"weights"))
BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ANSWERS = {number: f"answer {number}".encode() for number in range(2)}
FILES: Mapping[str, bytes] = {
    "README.md": "# Add — two numbers\n".encode(),
    "src/add.py": b"def add(a, b):\n    return a + b\n",
    "src/data.bin": bytes(range(256)),
}


def sample_tree(files: Mapping[str, bytes] = FILES) -> SourceTree:
    return SourceTree(files=files)


def check(
    name: str, *, ok: bool = True, passed: int = 2, total: int = 2, trusted: bool = True
) -> CheckResult:
    verdict = Verdict(
        outcome=Outcome.ACCEPTED if ok else Outcome.WRONG_ANSWER,
        phase=Phase.GRADE,
        cause="as expected" if ok else "a case differs",
        attribution=Attribution.PROGRAM,
        evidence=Evidence(backend="fake", tier=Tier.FULL),
    )
    return CheckResult(check=name, trusted=trusted, verdict=verdict, passed=passed, total=total)


PASSED = (check("boot", passed=0, total=0), check("examples"))
ALLOWED = Decision(level=Level.V2, allow=True, reasons=("examples: all 2 trusted cases pass",))


def sample_record(
    tree: SourceTree,
    *,
    checks: tuple[CheckResult, ...] = PASSED,
    decision: Decision = ALLOWED,
    resumed: bool = False,
) -> RunRecord:
    """Two attempts at one slot, the second kept. One event a second; a resume comes 1000 seconds later."""
    spec = Spec(title="Add two numbers", description="add(a, b) gives the sum")
    bodies: list[EventBody] = [
        Submitted(request=RunRequest(text="# Add two numbers")),
        Started(owner="one"),
        SpecParsed(spec=spec),
        SkeletonBuilt(
            template="function", reason="fits", tree=sha256(b"skeleton"), slots=("add",), checks=()
        ),
        *_attempt(0, tree),
    ]
    resume_at = len(bodies)
    bodies += [Started(owner="two", resumed=True)] * resumed
    bodies += [
        *_attempt(1, tree),
        SlotSettled(slot="add", kept=1, tree=tree.digest, reason="all trusted cases pass", solved=True),
        Decided(tree=tree.digest, checks=checks, decision=decision),
    ]
    return RunRecord(
        id=RUN,
        events=tuple(
            RunEvent(
                run_id=RUN,
                seq=number + 1,
                at=BEGAN + timedelta(seconds=number + 1_000 * (resumed and number >= resume_at)),
                body=body,
            )
            for number, body in enumerate(bodies)
        ),
    )


def sample_manifest(
    tree: SourceTree, *, checks: tuple[CheckResult, ...] = PASSED, decision: Decision = ALLOWED
) -> CapsuleManifest:
    record = sample_record(tree, checks=checks, decision=decision)
    return build_manifest(
        record, tree=tree, model=CARD, qlayer_version="0.1.0", created_at=record.events[-1].at
    )


def _attempt(number: int, tree: SourceTree) -> tuple[Sampled, Checked]:
    sampling, prompt = Sampling(), digest_of(["prompt", number])
    usage = TokenUsage(prompt_tokens=100, completion_tokens=20 + number, cached_tokens=50)
    kind = AttemptKind.REPAIR if number else AttemptKind.GREEDY
    candidate = Candidate(
        slot="add",
        code=f"code {number}",
        tree=Digest(tree.digest),
        ast_digest=None,
        model=MODEL,
        prompt=prompt,
        sampling=sampling,
        usage=usage,
    )
    sampled = Sampled(
        slot="add",
        attempt=number,
        attempt_kind=kind,
        model=MODEL,
        prompt=prompt,
        completion=sha256(ANSWERS[number]),
        sampling=sampling,
        usage=usage,
        finish_reason="stop",
        seconds=0.5,
    )
    checks = (check("examples", ok=bool(number), passed=number + 1),)
    return sampled, Checked(
        slot="add", attempt=number, candidate=candidate, checks=checks, passed=number + 1, total=2
    )
