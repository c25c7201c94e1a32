"""Rules as a fold over corrections: the same mechanical fix for the same kind of mistake, three times.

Nothing is stored for a rule, so it can never be out of step with its evidence: forget one of three
corrections and the rule is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from qlayer.types.memory import Correction, MechanicalFix, MemoryId, Rule

MIN_EVIDENCE = 3
"""Corrections of different programs that make a rule."""

WouldChange = Callable[[str, MechanicalFix], bool]
"""Whether a fix would change a program."""


def in_force(corrections: Sequence[Correction]) -> tuple[Correction, ...]:
    """Without what is no example to follow: corrected again later, or made although a check then failed."""
    wrong_later = {(c.spec, c.slot, c.wrong) for c in corrections}
    return tuple(c for c in corrections if not c.lost and (c.spec, c.slot, c.right) not in wrong_later)


def learned_rules(
    corrections: Sequence[Correction], forgotten: Collection[MemoryId], would_change: WouldChange
) -> tuple[Rule, ...]:
    """The rules that follow, most evidence first.

    A rule that would change a program which a person called right is none: the fix is not mechanical.
    """
    kept = in_force(corrections)
    evidence: dict[tuple[str, MechanicalFix], list[Correction]] = {}
    for correction in kept:
        if correction.fix is not None:
            evidence.setdefault((correction.mistake.signature, correction.fix), []).append(correction)
    rules = [
        Rule(signature=signature, fix=fix, evidence=tuple(c.id for c in seen))
        for (signature, fix), seen in evidence.items()
        if len({c.wrong for c in seen}) >= MIN_EVIDENCE and not any(would_change(c.right, fix) for c in kept)
    ]
    rules.sort(key=lambda rule: (-len(rule.evidence), rule.id))
    return tuple(rule for rule in rules if rule.id not in forgotten)
