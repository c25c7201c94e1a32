"""What a slot's proof is worth: the bars for V3 and V4, and sentences about what was shown and what was not.

A project is only as far proved as its weakest slot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qlayer.types.check import Level
from qlayer.types.frozen import Frozen
from qlayer.types.proof import InputKind, SlotProof
from qlayer.validation.mutation import ENOUGH
from qlayer.validation.proof import ENOUGH_INPUTS


class Bars(Frozen):
    """Thresholds, as data.

    Chosen on programs of Qwen2.5-Coder-1.5B (Q4_K_M) for a random 150 tasks of MBPP, two samples each; how
    often the labels were right is in docs/decisions/0008-levels.md.
    """

    used_inputs: int = ENOUGH_INPUTS
    """Inputs inside of the domain; fewer only when no more exist."""
    crash_free: float = 0.95
    """Share of the used inputs on which the kept candidate must return a value. All four programs that
    crashed on 1 % of the inputs, where another did not, were right: an unsaid precondition, not a fault."""
    same: float = 0.95
    """Share of the used inputs on which another sample must do the same to count as agreeing. For the same
    reason less than all: six more agree than at 1.0, all of them right; at 0.8 nine more, two wrong."""
    cases: int = 2
    """Trusted cases that are enough for `agreeing`; with fewer one more sample must agree."""
    agreeing: int = 2
    """Samples that agree, the kept one included."""
    majority: float = 0.5
    """Of all samples that were drawn, those that fail the trusted tests too; more than this share must agree.
    Where a model fails often, those few that pass agree on a wrong reading more often than elsewhere."""
    mutation_share: float = ENOUGH


BARS = Bars()


def agreeing(proof: SlotProof, bars: Bars = BARS) -> int:
    """How many samples agree with the kept one, itself included."""
    return 1 + sum(share >= bars.same for share in proof.agreements)


def agreeing_needed(proof: SlotProof, bars: Bars = BARS) -> int:
    """How many must agree: what few tests leave open of many inputs, one more sample makes up for."""
    return bars.agreeing + (proof.cases < bars.cases and not proof.exhausted)


def level_of(proof: SlotProof, bars: Bars = BARS) -> Level:
    """V2, V3 or V4, for a slot that passes its trusted tests."""
    if any(_short_of_v3(proof, bars)):
        return Level.V2
    return Level.V4 if proof.mutation_share >= bars.mutation_share else Level.V3


def weakest(proofs: Sequence[SlotProof], bars: Bars = BARS) -> Level:
    """The level of a project whose trusted tests all pass. V2 without any proof."""
    return min((level_of(proof, bars) for proof in proofs), default=Level.V2)


def shown(proof: SlotProof, bars: Bars = BARS) -> Iterator[str]:
    """What the proof shows, as sentences."""
    if proof.used:
        what = "inputs" if proof.inputs is InputKind.CALLS else "drawn requests"
        yield (
            f"{proof.slot}: {agreeing(proof, bars)} of {proof.candidates} samples that pass the tests agree "
            f"on {proof.used} {what}, {proof.crash_free:.0%} of them without a crash"
        )
    if proof.mutants:
        noticed = f"{proof.killed} of {proof.mutants} small changes ({proof.mutation_share:.0%})"
        yield f"{proof.slot}: the trusted tests notice {noticed}"


def missing(proof: SlotProof, bars: Bars = BARS) -> Iterator[str]:
    """What keeps the slot from V3 and V4, as sentences. Nothing for a slot at V4."""
    for reason in _short_of_v3(proof, bars):
        yield f"{proof.slot}: not V3: {reason}"
    if proof.mutation_share < bars.mutation_share:
        noticed = f"{proof.killed} of {proof.mutants} small changes"
        yield f"{proof.slot}: not V4: tests notice {noticed}, {bars.mutation_share:.0%} are needed"
    for reason in proof.reasons:
        yield f"{proof.slot}: {reason}"


def _short_of_v3(proof: SlotProof, bars: Bars) -> Iterator[str]:
    if proof.used < bars.used_inputs and not proof.exhausted:
        yield f"only {proof.used} drawn inputs lay inside of its domain, {bars.used_inputs} are needed"
    if proof.used and proof.crash_free < bars.crash_free:
        yield f"it crashes on {1 - proof.crash_free:.0%} of the inputs that another sample handles"
    same, needed = agreeing(proof, bars), agreeing_needed(proof, bars)
    if proof.candidates < 2:
        yield "no other sample passes the trusted tests, so nothing could agree with it"
    elif same < needed:
        yield f"only {same} of {proof.candidates} samples that pass the tests agree, {needed} are needed"
    elif same <= bars.majority * proof.samples:
        yield f"only {same} of all {proof.samples} samples agree, more than half are needed"
