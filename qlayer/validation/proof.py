"""Proves a slot's filling beyond its trusted tests: runs it beside the other samples, and mutates it.

Agreement and crashes are seen on inputs that had no part in choosing the candidate (they are drawn with a
seed of their own). What the facts are worth is for `levels` to say; what could not be tried is in the proof.
"""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Callable, Iterable, Sequence

from qlayer.errors import SandboxError
from qlayer.sandbox.base import Sandbox
from qlayer.types.check import CasesPlan, CheckPlan, HttpPlan
from qlayer.types.frozen import Frozen
from qlayer.types.proof import InputKind, SlotProof, Survivor
from qlayer.types.source import SourceTree
from qlayer.types.spec import Example
from qlayer.types.verdict import Outcome
from qlayer.validation.behaviour import Behaviour
from qlayer.validation.mutants import Mutant
from qlayer.validation.mutation import mutation_score
from qlayer.validation.trials import Trials, run_trials, trials_for

ENOUGH_INPUTS = 50
"""Inputs that somebody could handle, as level V3 asks for (LOOP.md step 6)."""
ROUND = 75
"""Inputs drawn at a time: more than enough, for some lie outside of the function's domain."""
ROUNDS = 3
MAX_MUTANTS = 40
"""The share of killed mutants is then known to within 0.08 (one standard error at 0.6)."""
SEED = 1
"""Of the inputs; selection draws with 0."""
_CHANGE_CHARS = 120
_UNDECIDED = {Outcome.SANDBOX_ERROR.value, Outcome.NO_VERDICT.value}

Place = Callable[[str], SourceTree | None]
"""Puts code into the project; None when that cannot be done."""


class Subject(Frozen):
    """What is to be proved: a function, or a handler behind requests."""

    slot: str
    module: str
    signature: str
    """The ``def`` line."""
    brief: str = ""
    """What it must do, in words: hints at which inputs are legal."""
    examples: tuple[Example, ...] = ()
    checks: tuple[CheckPlan, ...] = ()
    """Those of the slot; only trusted ones count."""

    @property
    def trusted(self) -> tuple[CheckPlan, ...]:
        return tuple(plan for plan in self.checks if plan.trusted)

    @property
    def cases(self) -> int:
        """Trusted cases that are judged."""
        plans = [plan for plan in self.trusted if isinstance(plan, CasesPlan | HttpPlan)]
        return sum(case.expected is not None for plan in plans for case in plan.cases)


async def prove(
    subject: Subject, kept: str, others: Sequence[str], samples: int, place: Place, sandbox: Sandbox
) -> SlotProof:
    """Compare the kept code with `others` (samples that pass the trusted tests too) and mutate it.

    `samples` counts all that were drawn, also those that fail. Raises `SandboxError` when the platform broke.
    """
    trees = [tree for tree in map(place, (kept, *others)) if tree is not None]
    seen = await _compared(subject, _distinct(trees), sandbox)
    score = await mutation_score(kept, subject.trusted, place, sandbox, limit=MAX_MUTANTS)
    reasons = [*seen.reasons]
    if not score.total:
        reasons.append("there is nothing in it that could be mutated")
    return seen.model_copy(
        update={
            "samples": max(samples, len(trees)),
            "candidates": len(trees),
            "agreements": _of_all(trees, seen.agreements),
            "cases": subject.cases,
            "mutants": score.total,
            "killed": score.killed,
            "survivors": tuple(_survivor(kept, mutant) for mutant in score.survivors),
            "reasons": tuple(reasons),
        }
    )


def _distinct(trees: Sequence[SourceTree]) -> list[SourceTree]:
    """A program that was drawn twice need not be run twice."""
    return list({tree.digest: tree for tree in trees}.values())


def _of_all(trees: Sequence[SourceTree], agreements: Sequence[float]) -> tuple[float, ...]:
    """The agreement of every other tree, from that of the distinct ones. A program agrees with itself."""
    kept, *others = (tree.digest for tree in _distinct(trees))
    if len(agreements) < len(others):
        return ()
    of = {kept: 1.0, **dict(zip(others, agreements, strict=True))}
    return tuple(of[tree.digest] for tree in trees[1:])


async def _compared(subject: Subject, trees: Sequence[SourceTree], sandbox: Sandbox) -> SlotProof:
    """The proof as far as inputs show it: in rounds, until enough of them lie inside of the domain."""
    if not any(isinstance(plan, CasesPlan | HttpPlan) for plan in subject.trusted):
        reason = "it is neither called by value nor reached by a trusted request, so no inputs could be drawn"
        return SlotProof(slot=subject.slot, inputs=InputKind.NONE, reasons=(reason,))
    trials = _trials(subject)
    if not trials.inputs:
        return _untried(subject, trials, len(trees))
    whole = trials.http is not None  # requests share a state: rounds would begin anew
    size = len(trials.inputs) if whole else ROUND
    behaviours = [Behaviour(outputs=()) for _ in trees]
    for start in range(0, len(trials.inputs), size):
        batch = trials.model_copy(update={"inputs": trials.inputs[start : start + size]})
        more = await asyncio.gather(*(run_trials(batch, tree, sandbox) for tree in trees))
        behaviours = [_joined(one, other) for one, other in zip(behaviours, more, strict=True)]
        proof = _facts(subject, InputKind.REQUESTS if whole else InputKind.CALLS, behaviours)
        if proof.used >= ENOUGH_INPUTS:
            break
    return _with_reasons(proof, all_drawn=proof.drawn == len(trials.inputs) < ROUND * ROUNDS)


def _trials(subject: Subject) -> Trials:
    return trials_for(
        subject.module,
        subject.slot,
        subject.signature,
        subject.brief,
        subject.examples,
        subject.trusted,
        count=ROUND * ROUNDS,
        seed=SEED,
    )


def _untried(subject: Subject, trials: Trials, programs: int) -> SlotProof:
    """No inputs: the examples are all there is, or the trusted requests cannot be varied."""
    exhausted = trials.http is None and bool(subject.examples)
    return SlotProof(
        slot=subject.slot,
        inputs=InputKind.NONE,
        exhausted=exhausted,
        agreements=(1.0,) * (programs - 1) if exhausted else (),
        reasons=("no other inputs than those of its trusted tests could be drawn",),
    )


def _with_reasons(proof: SlotProof, *, all_drawn: bool) -> SlotProof:
    reasons = []
    if proof.inputs is InputKind.REQUESTS:
        reasons.append("of drawn requests only crashes and agreement are known, not the right answers")
    elif all_drawn and proof.used < ENOUGH_INPUTS:
        reasons.append(f"only {proof.drawn} different inputs could be drawn for its parameters")
        proof = proof.model_copy(update={"exhausted": True})
    return proof.model_copy(update={"reasons": tuple(reasons)})


def _joined(one: Behaviour, other: Behaviour) -> Behaviour:
    return Behaviour(outputs=(*one.outputs, *other.outputs))


def _facts(subject: Subject, kind: InputKind, behaviours: Sequence[Behaviour]) -> SlotProof:
    """The kept candidate is the first. Raises `SandboxError` when a run told nothing about the program."""
    for seen in behaviours:
        undecided = {output.failure for output in seen.outputs} & _UNDECIDED
        if undecided:
            raise SandboxError(f"{subject.slot} could not be observed: {undecided.pop()}")
    kept, *others = (seen.outputs for seen in behaviours)
    used = [at for at in range(len(kept)) if any(seen.outputs[at].ok for seen in behaviours)]

    def share(places: Iterable[bool]) -> float:
        return sum(places) / len(used) if used else 0.0

    return SlotProof(
        slot=subject.slot,
        inputs=kind,
        drawn=len(kept),
        used=len(used),
        left_out=len(kept) - len(used),
        crash_free=share(kept[at].ok for at in used),
        agreements=tuple(share(kept[at] == other[at] for at in used) for other in others),
    )


def _survivor(code: str, mutant: Mutant) -> Survivor:
    """Both are compared as Python writes them, so that layout makes no difference."""
    lines = zip(ast.unparse(ast.parse(code)).splitlines(), mutant.code.splitlines(), strict=False)
    change = next((f"{one.strip()} -> {other.strip()}" for one, other in lines if one != other), "")
    return Survivor(operator=mutant.operator, line=mutant.line, change=change[:_CHANGE_CHARS])
