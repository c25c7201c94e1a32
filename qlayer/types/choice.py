"""How one of several candidates was chosen: facts, groups of equal behaviour, and the question they leave.

The events of these steps stand here, beside the others of `qlayer.types.run`: a wave of samples is planned,
a choice is made (`Selected`), a person is asked (`Asked`) and answers or does not (`Answered`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from qlayer.types.check import Case, CasesPlan, Comparison, Expectation
from qlayer.types.frozen import Frozen, added

ANSWERS = "answers"
"""Begins the name of a trusted check that holds what a person answered during the run."""


class Facts(Frozen):
    """What is known of one candidate when it is chosen or not."""

    index: int
    """In the order of sampling; 0 is the greedy one."""
    passed: int
    """Trusted cases."""
    crash_free: float
    """Share of the fuzz inputs on which it returns a value, 0 to 1."""
    agreeing: int
    """Candidates that behave the same, itself included."""
    votes: int = 0
    """Soft asserts that hold."""
    logprob: float = 0.0
    """Mean of its tokens; 0 when unknown."""
    consensus: float = added(0.0)
    """Mean over the fuzz inputs of the share of candidates that give the same as it, itself included."""


class Question(Frozen):
    """A call on which the two leading groups of candidates differ: what a person can settle."""

    function: str
    args: str
    """A tuple display."""
    answers: tuple[str, str]
    """What each group gives: a literal, or in brackets how it failed."""
    attempts: tuple[int, int]
    """The best candidate of each group."""


class WavePlanned(Frozen):
    """These samples are to be drawn side by side."""

    kind: Literal["wave"] = "wave"
    slot: str
    attempts: tuple[int, ...]


class Selected(Frozen):
    """One of the candidates of a slot was chosen."""

    kind: Literal["selected"] = "selected"
    slot: str
    selector: str
    facts: tuple[Facts, ...]
    """Of every candidate that runs, by attempt; copies of a program count as candidates of their own."""
    groups: tuple[tuple[int, ...], ...]
    """Attempts with equal behaviour, the largest group first. Without inputs: with equal programs."""
    inputs: tuple[str, ...] = ()
    """Inputs on which at least one candidate returned a value: argument tuples, or requests."""
    left_out: int = 0
    """Inputs on which all failed."""
    question: Question | None = None
    """Where the two leading groups differ."""
    tied: bool = False
    """Nothing but the order of sampling put the first group before the second."""
    chosen: int
    """The attempt."""


class Asked(Frozen):
    """The run waits for a person to answer; the wait is no work and costs nothing of the budget."""

    kind: Literal["asked"] = "asked"
    slot: str
    question: Question
    wait_s: float
    """How long it waits before it goes on without an answer."""


class Answered(Frozen):
    """What the call must give, says a person. It is a trusted example from here on."""

    kind: Literal["answered"] = "answered"
    slot: str
    function: str
    args: str
    expected: str | None
    """A literal, or the exception's name; None: nobody could say."""
    raises: bool = False
    who: str = "nobody"

    @property
    def case(self) -> Case | None:
        """The answer as a trusted case."""
        if self.expected is None:
            return None
        comparison = Comparison.RAISES if self.raises else Comparison.EQUALS
        return Case(
            name=f"{self.function}{self.args}",
            function=self.function,
            args=self.args,
            expected=Expectation(comparison=comparison, value=self.expected),
        )


def answers_plans(answers: Iterable[Answered], modules: Mapping[str, str]) -> dict[str, CasesPlan]:
    """The trusted check that a run's answers make, for each slot with any; `modules` are by slot, too."""
    cases: dict[str, dict[str, Case]] = {}
    for answered in answers:
        if answered.case is not None:
            cases.setdefault(answered.slot, {})[answered.case.name] = answered.case
    return {
        slot: CasesPlan(name=f"{ANSWERS} on {slot}", module=modules[slot], cases=tuple(found.values()))
        for slot, found in cases.items()
    }
