"""What an evaluation keeps of a task: the truth about every program of its run, and what the loop knew."""

from __future__ import annotations

from jobs.ledger import LedgerRow
from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest
from qlayer.types.run import AttemptKind
from qlayer.types.verdict import Outcome

DRAWN = (AttemptKind.GREEDY, AttemptKind.SAMPLE)
"""Kinds of the samples that were drawn with the task alone in view."""


class JudgedCandidate(Frozen):
    """One program of a run, with what the hidden tests say. Equal programs are judged once."""

    attempt: int
    kind: AttemptKind
    program: Digest
    """Equal for programs that differ in layout only."""
    hidden: Outcome
    fixes: tuple[str, ...]
    """Automatic fixes that changed it."""
    broken: bool
    """The gate refuses the code as the model gave it, before the fixes."""

    @property
    def right(self) -> bool:
        return self.hidden is Outcome.ACCEPTED


class TaskResult(LedgerRow):
    """What became of one task under one seed."""

    task: str
    seed: int = 0
    run_id: str
    greedy: Outcome
    """Hidden tests on the first sample."""
    final: Outcome
    """Hidden tests on what the loop kept; COMPILE_ERROR where it kept nothing."""
    level: str | None
    """Level of the capsule: V2 means that all trusted tests passed."""
    allowed: bool = False
    """The platform's decision: what it would sign."""
    candidates: tuple[JudgedCandidate, ...] = ()
    """Every program of the run, in the order of the attempts; none in rows of an earlier form."""
    examples: int
    """Trusted examples found in the prompt."""
    samples: int
    cut_off: int = 0
    """Samples that ended at the cap on tokens instead of by themselves."""
    extracted: int
    """Of the samples that ended by themselves, those that gave a parsable function."""
    greedy_tokens: int
    tokens: int
    """Generated tokens of all samples."""
    seconds: float
    reason: str

    @property
    def greedy_right(self) -> bool:
        return self.greedy is Outcome.ACCEPTED

    @property
    def right(self) -> bool:
        return self.final is Outcome.ACCEPTED

    @property
    def random_right(self) -> float:
        """The chance that one of the samples that were drawn, picked blindly, is right."""
        drawn = [one for one in self.candidates if one.kind in DRAWN]
        return sum(one.right for one in drawn) / len(drawn) if drawn else float(self.greedy_right)

    @property
    def oracle_right(self) -> bool:
        """A perfect choice among all programs of the run would be right."""
        return self.right or self.greedy_right or any(one.right for one in self.candidates)
