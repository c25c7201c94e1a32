"""One sentence for each event of a run, for plain output and for the log of the live view."""

from __future__ import annotations

from qlayer.cli.render import printable, short
from qlayer.types.assessment import Assessment
from qlayer.types.check import CheckResult
from qlayer.types.choice import Answered, Asked, Question, Selected, WavePlanned
from qlayer.types.memory import Recall
from qlayer.types.policy import PolicyDecision
from qlayer.types.proof import SlotProof
from qlayer.types.run import (
    Assessed,
    CancelRequested,
    Checked,
    Decided,
    Equipped,
    EventBody,
    Finished,
    Governed,
    ImageBuilt,
    LayoutProposed,
    Packed,
    ProjectChecked,
    Proved,
    Recalled,
    Sampled,
    Scanned,
    Signed,
    SkeletonBuilt,
    SlotSettled,
    SpecParsed,
    Started,
    Submitted,
)
from qlayer.types.scan import ScanReport
from qlayer.types.spec import Spec

MAX_CHARS = 300
"""Of one sentence."""


def sentence(body: EventBody) -> str:
    """What happened, on one line."""
    line = " ".join(printable(_sentence(body)).split())
    return line if len(line) <= MAX_CHARS else f"{line[: MAX_CHARS - 1]}…"


def _sentence(body: EventBody) -> str:
    match body:
        case Submitted():
            budget = body.request.budget
            return f"recorded, with a budget of {budget.tokens} tokens and {budget.seconds:g} s"
        case Started():
            return f"{'resumed' if body.resumed else 'started'} by {body.owner}"
        case SpecParsed():
            return _spec(body.spec)
        case SkeletonBuilt():
            slots = ", ".join(body.slots) or "nothing"
            return f"template {body.template} ({body.reason}); the model is to write {slots}"
        case Recalled():
            return _recall(body.recall)
        case Sampled():
            spent = f"{body.usage.completion_tokens} tokens in {body.seconds:.1f} s"
            return f"{body.slot}: try {body.attempt + 1} ({body.attempt_kind}) wrote {spent}"
        case WavePlanned():
            return f"{body.slot}: a wave of {len(body.attempts)} sample{'s'[: len(body.attempts) > 1]}"
        case Checked():
            return f"{body.slot}: try {body.attempt + 1}: {_checked(body)}"
        case Selected():
            return f"{body.slot}: {_selected(body)}"
        case Asked():
            return f"{body.slot}: which is right? {question_text(body.question)}"
        case Answered():
            said = body.expected if body.expected is not None else "nothing"
            return f"{body.slot}: {body.who} says of {body.function}{body.args}: {said}"
        case SlotSettled():
            how = "kept nothing" if body.kept is None else f"kept try {body.kept + 1}"
            return f"{body.slot}: {'solved' if body.solved else 'not solved'}, {how}: {body.reason}"
        case LayoutProposed():
            files = "; ".join(f"{one.path}: {one.purpose}" for one in body.layout.files)
            return f"the model wants to write {len(body.layout.files)} files: {files}"
        case ProjectChecked():
            broke = f"rolled back: {'; '.join(body.problems)}"
            return f"{body.slot}: {broke if body.problems else 'the project holds with it'}"
        case Equipped():
            return f"got {len(body.added)} files that build, check and ship it"
        case Assessed():
            return _assessed(body.assessment)
        case Proved():
            return _proved(body.proof)
        case Decided():
            allowed = "allowed" if body.decision.allow else "not allowed"
            return f"{body.decision.level or 'no level'}, {allowed}: {'; '.join(body.decision.reasons)}"
        case Scanned():
            return _scanned(body.report)
        case Packed():
            return f"packed capsule {short(body.capsule)}"
        case Signed():
            return f"signed with the key {body.name} ({body.key[:12]})"
        case ImageBuilt():
            return f"image {short(body.image)} with {len(body.attached)} attached"
        case Governed():
            return _governed(body.decision)
        case Finished():
            tokens = body.usage.completion_tokens
            return f"{body.status}: {body.reason} ({tokens} tokens, {body.seconds:.1f} s)"
        case CancelRequested():
            return "asked to stop"


def _scanned(report: ScanReport) -> str:
    found = ", ".join(f"{count} {severity}" for severity, count in report.counts.items())
    broken = [f"{tool.tool}: {tool.problem}" for tool in report.tools if tool.problem is not None]
    return "; ".join((f"scanned by {len(report.tools)} tools: {found or 'no findings'}", *broken))


def _governed(decision: PolicyDecision) -> str:
    if decision.allow:
        return f"the policy allows it for {decision.environment}"
    return f"the policy denies it for {decision.environment}: {'; '.join(decision.reasons)}"


def _spec(spec: Spec) -> str:
    counts = {
        "example": len(spec.examples) + len(spec.scenario) + len(spec.conversions),
        "call": len(spec.tool.invocations) if spec.tool is not None else 0,
        "route": len(spec.routes),
        "line not understood as a test": len(spec.ignored),
    }
    found = [f"{count} {noun}{'s' if count > 1 else ''}" for noun, count in counts.items() if count]
    return f"understood {spec.title!r}: {', '.join(found) or 'no examples'}"


def _recall(recall: Recall) -> str:
    if not recall.memories:
        return "nothing in the memory is like this"
    return f"uses {', '.join(recall.memories)} of the memory (similarity: {recall.retrieval})"


def _assessed(assessment: Assessment) -> str:
    said = "; ".join(assessment.advice) or "nothing stands out"
    return f"quality, cost and security: {said}"


def _proved(proof: SlotProof) -> str:
    agreed = f"{proof.used} inputs, {proof.candidates} of {proof.samples} samples to compare"
    return f"{proof.slot}: proved on {agreed}; {proof.killed} of {proof.mutants} mutants noticed"


def question_text(question: Question) -> str:
    """The call and the two answers."""
    one, other = question.answers
    return f"{question.function}{question.args} gives {one} in one group of programs, {other} in the other"


def _selected(body: Selected) -> str:
    sizes = " + ".join(str(len(group)) for group in body.groups)
    on = f"on {len(body.inputs)} inputs" if body.inputs else "by their text, for no input could be tried"
    alike = f"{len(body.facts)} candidates compared {on}, alike: {sizes}; took try {body.chosen + 1}"
    if body.question is None:
        return alike
    return f"{alike}{' of a tie' if body.tied else ''}; {question_text(body.question)}"


def _checked(body: Checked) -> str:
    if body.same_as is not None:
        return f"the same program as try {body.same_as + 1}"
    fatal = next((d for d in body.candidate.diagnoses if d.fatal), None)
    if fatal is not None:
        return f"not run: {fatal.message} ({fatal.rule})"
    score = f"{body.passed} of {body.total} trusted cases passed"
    failed = next((check for check in body.checks if not check.ok), None)
    return score if failed is None else f"{score}; {_failure(failed)}"


def _failure(check: CheckResult) -> str:
    return f"{check.check}: {check.verdict.outcome.value}: {check.verdict.cause}"
