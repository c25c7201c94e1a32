"""What is proved of one slot's filling beyond its trusted tests: agreement, stability, tests that notice.

These are the facts behind the levels V3 and V4; `qlayer.validation.levels` holds the thresholds. They are in
the run's record (event `Proved`) and in the capsule's manifest (`proofs`), one for each slot that was filled.
For an evaluation a run's decided level with its slots' samples, candidates, agreements, used inputs, share
without a crash and mutation share is one row of the calibration table, beside the truth that it alone knows.
"""

from __future__ import annotations

from enum import StrEnum

from qlayer.types.frozen import Frozen


class InputKind(StrEnum):
    """What the candidates were run on."""

    CALLS = "calls"
    """Argument tuples of the function itself."""
    REQUESTS = "requests"
    """Requests to the application, after the trusted ones and in one order, with shared state."""
    NONE = "none"
    """Nothing: the function takes no plain values, and no request reaches it."""


class Survivor(Frozen):
    """A small wrong variant of the program that the trusted tests let pass."""

    operator: str
    line: int
    """1-based, in the slot's code."""
    change: str
    """The changed line as ``before -> after``."""


class SlotProof(Frozen):
    """Of the filling that was kept. Shares are 0 to 1."""

    slot: str
    inputs: InputKind
    drawn: int = 0
    """Inputs that were tried."""
    used: int = 0
    """Of these, inputs on which at least one candidate returned a value."""
    left_out: int = 0
    """Inputs on which all candidates failed: outside of what the function is for."""
    exhausted: bool = False
    """No more different inputs could be drawn for its parameters."""
    crash_free: float = 0.0
    """Share of the used inputs on which the kept candidate returned a value."""
    samples: int = 1
    """Programs that were drawn for the slot, the kept one included. Repairs are no samples of their own."""
    candidates: int = 1
    """Of these, samples that pass every trusted test."""
    agreements: tuple[float, ...] = ()
    """For each of the other candidates, the share of the used inputs on which it did what the kept one did:
    returned an equal value, or raised the same kind of exception."""
    cases: int = 0
    """Trusted cases of the slot that are judged."""
    mutants: int = 0
    """Variants of the program that were judged by the trusted tests."""
    killed: int = 0
    """Of these, those that a trusted test refused."""
    survivors: tuple[Survivor, ...] = ()
    """The first few."""
    reasons: tuple[str, ...] = ()
    """What could not be proved, and why, as sentences."""

    @property
    def mutation_share(self) -> float:
        """0 when there was nothing to mutate, which proves nothing."""
        return self.killed / self.mutants if self.mutants else 0.0
