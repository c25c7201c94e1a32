"""What candidates do, compared: all of them on the same inputs, grouped by what came out.

No answer is known here. Programs that agree on many inputs are likelier right than one that stands alone, and
an input on which the best groups differ is the question that a person can settle. Inputs on which every
candidate fails are outside the function's domain and are left out.
"""

from __future__ import annotations

import ast
import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from qlayer.sandbox.base import Limits, Sandbox, SandboxResult, ValuesJob
from qlayer.types.check import Case, CaseResult
from qlayer.types.frozen import Frozen
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Outcome

LIMITS = Limits(wall_s=20.0, cpu_s=10.0)
"""For all inputs of one candidate together, each call in a process of its own."""
TOGETHER_LIMITS = Limits(wall_s=5.0, cpu_s=2.0)
"""For all of them in one process. Fifty calls that end take a hundredth of it."""
_DIGITS = 9
"""Floats that agree so far count as the same output."""
MAX_OUTPUT_CHARS = 2_000
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_ALL_RETURNED = (Outcome.ACCEPTED, Outcome.WRONG_ANSWER, Outcome.RUNTIME_ERROR)
"""What a run ends with when every call was answered, be it with an exception."""


class Output(Frozen):
    """What one candidate did with one input."""

    value: str | None = None
    """The returned value as a literal, floats rounded; None when nothing was returned."""
    failure: str | None = None
    """The exception's class, or the sandbox's outcome; None when a value was returned."""

    @property
    def ok(self) -> bool:
        return self.failure is None

    @property
    def answer(self) -> str | None:
        """The value; None for every failure: two programs that refuse an input in their own ways agree."""
        return self.value

    @property
    def text(self) -> str:
        """For people: the value, or what went wrong."""
        return self.value if self.value is not None else f"({self.failure})"


class Behaviour(Frozen):
    """What one candidate did with every input, in their order."""

    outputs: tuple[Output, ...]


class Program(Frozen):
    """A candidate that can be run."""

    tree: SourceTree
    module: str
    function: str


class Disagreement(Frozen):
    """An input on which two clusters differ, with what the programs of each give."""

    args: str
    outputs: tuple[str, str]


class Clusters(Frozen):
    """Candidates grouped by behaviour, the largest group first (equal ones: the earliest member first)."""

    groups: tuple[tuple[int, ...], ...]
    """Indices of the candidates."""
    crash_free: tuple[float, ...]
    """For each candidate, the share of the used inputs on which it returned a value; 0 without any."""
    consensus: tuple[float, ...]
    """For each candidate, the mean over the used inputs of the share of candidates that give the same, itself
    included; 0 without inputs. Right programs that differ at the edge of the domain have much of it, though
    each may be a group of its own (Shi et al. 2022, minimum Bayes risk over executions)."""
    inputs: tuple[str, ...]
    """The inputs used: those on which at least one candidate returned a value."""
    left_out: int
    """Inputs on which all failed."""
    disagreement: Disagreement | None = None
    """Between the two first groups."""

    def group_of(self, candidate: int) -> tuple[int, ...]:
        return next(group for group in self.groups if candidate in group)


async def observe(program: Program, inputs: Sequence[str], sandbox: Sandbox) -> Behaviour:
    """Run one candidate on all inputs. Raises `SandboxError`; what the program does wrong is data.

    All calls are made in one process, which is twenty times as fast as a fork for each. Only when one of them
    does not come back is the program run again with each call on its own, so that it costs only its own
    output. A program that remembers earlier calls shows it here, as it would to its user. Small inputs come
    first: when a slow program uses up its time on the large ones, the others have been answered.
    """
    cases = tuple(
        Case(name=str(number), function=program.function, args=args) for number, args in enumerate(inputs)
    )
    small_first = tuple(sorted(cases, key=lambda case: _effort(case.args)))
    job = ValuesJob(tree=program.tree, module=program.module, cases=small_first)
    result = await sandbox.run(job, TOGETHER_LIMITS)
    if result.verdict.outcome not in _ALL_RETURNED or len(result.cases) < len(cases):
        result = await sandbox.run(job.model_copy(update={"fresh_process": True}), LIMITS)
    return _behaviour(cases, result)


async def behaviour_in(job: ValuesJob, sandbox: Sandbox, limits: Limits) -> Behaviour:
    """What the program of a job does with each of its cases. Raises `SandboxError`."""
    return _behaviour(job.cases, await sandbox.run(job, limits))


def _effort(args: str) -> tuple[float, int]:
    """The largest number in it, then its length: what most programs take longer for."""
    return max(map(float, _NUMBER.findall(args)), default=0.0), len(args)


def _behaviour(cases: Sequence[Case], result: SandboxResult) -> Behaviour:
    found = {case.name: _output(case) for case in result.cases}
    missing = Output(failure=result.verdict.outcome.value)
    return Behaviour(outputs=tuple(found.get(case.name, missing) for case in cases))


async def compare(programs: Sequence[Program], inputs: Sequence[str], sandbox: Sandbox) -> Clusters:
    """Run all candidates on the same inputs and group them. Equal programs are run once."""
    ids = [program.tree.digest for program in programs]
    different = dict(zip(ids, programs, strict=True))
    seen = await asyncio.gather(*(observe(program, inputs, sandbox) for program in different.values()))
    behaviours = dict(zip(different, seen, strict=True))
    return cluster([behaviours[at] for at in ids], inputs)


def cluster(behaviours: Sequence[Behaviour], inputs: Sequence[str]) -> Clusters:
    """Group by equal outputs on the inputs that somebody could handle. Pure."""
    used = [at for at in range(len(inputs)) if any(seen.outputs[at].ok for seen in behaviours)]
    groups: dict[tuple[str | None, ...], list[int]] = {}
    for number, seen in enumerate(behaviours):
        groups.setdefault(tuple(seen.outputs[at].answer for at in used), []).append(number)
    ranked = sorted(groups.items(), key=lambda item: (-len(item[1]), item[1][0]))
    return Clusters(
        groups=tuple(tuple(members) for _, members in ranked),
        crash_free=tuple(_share(seen, used) for seen in behaviours),
        consensus=_consensus(behaviours, used),
        inputs=tuple(inputs[at] for at in used),
        left_out=len(inputs) - len(used),
        disagreement=_disagreement([behaviours[members[0]] for _, members in ranked[:2]], used, inputs),
    )


def _share(seen: Behaviour, used: Sequence[int]) -> float:
    return sum(seen.outputs[at].ok for at in used) / len(used) if used else 0.0


def _consensus(behaviours: Sequence[Behaviour], used: Sequence[int]) -> tuple[float, ...]:
    counts = [Counter(seen.outputs[at].answer for seen in behaviours) for at in used]
    return tuple(
        sum(count[seen.outputs[at].answer] for at, count in zip(used, counts, strict=True))
        / (len(used) * len(behaviours))
        if used
        else 0.0
        for seen in behaviours
    )


def _disagreement(
    two: Sequence[Behaviour], used: Sequence[int], inputs: Sequence[str]
) -> Disagreement | None:
    """The shortest input on which they differ; one on which both return a value, if there is any."""
    if len(two) < 2:
        return None
    pairs = [(inputs[at], two[0].outputs[at], two[1].outputs[at]) for at in used]
    differing = [
        (not (one.ok and other.ok), len(args), args, (one.text, other.text))
        for args, one, other in pairs
        if one.answer != other.answer
    ]
    _, _, args, outputs = min(differing)
    return Disagreement(args=args, outputs=outputs)


def _output(case: CaseResult) -> Output:
    if case.error is not None:
        return Output(failure=case.error.type)
    if case.outcome is not Outcome.ACCEPTED:
        return Output(failure=case.outcome.value)
    return Output(value=_canonical(case.returned or "None")[:MAX_OUTPUT_CHARS])


def _canonical(literal: str) -> str:
    """The literal with floats rounded (whole ones equal integers), and sets and dicts in one order."""
    try:
        return _text(ast.literal_eval(literal))
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return literal


def _text(value: Any) -> str:
    if isinstance(value, float):
        rounded = value if value.is_integer() else float(f"{value:.{_DIGITS}g}")
        return repr(int(rounded)) if rounded.is_integer() else repr(rounded)
    if isinstance(value, list | tuple):
        marks = "[]" if isinstance(value, list) else "()"
        return marks[0] + ", ".join(map(_text, value)) + marks[1]
    if isinstance(value, set | frozenset):
        return "{" + ", ".join(sorted(map(_text, value))) + "}"
    if isinstance(value, dict):
        return "{" + ", ".join(sorted(f"{_text(key)}: {_text(item)}" for key, item in value.items())) + "}"
    return repr(value)
