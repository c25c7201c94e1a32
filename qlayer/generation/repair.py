"""What a model is told after a failed try.

A crash is shown with the whole program and the failing line marked (fresh context: the model never sees its
own earlier conversation). A wrong answer is not argued about: the function is asked for again with the
failing example in view. Whether two failures are the same is said by `error_signature`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from qlayer.generation.base import Slot
from qlayer.generation.prompt import PHRASINGS, ask, fenced, task
from qlayer.generation.wording import MARK, call_text
from qlayer.llm.base import Message
from qlayer.types.candidate import Candidate
from qlayer.types.check import Case, CasesPlan, Comparison, Failure, HttpPlan
from qlayer.types.ids import digest_of
from qlayer.types.spec import Spec

MAX_MESSAGE_CHARS = 400
MAX_VALUE_CHARS = 300
MAX_ADVICE = 3

_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_GATE_LINE = re.compile(r"\(line (\d+)\)\s*$")


def crash_prompt(slot: Slot, spec: Spec, code: str, failure: Failure) -> tuple[Message, ...]:
    """The program with its failing line marked, the error, and the request for the whole function."""
    parts = [
        f"This Python code should do what its docstring says, but it fails.\n\n{task(slot, spec)}\n\n"
        f"The code:\n\n{fenced(_marked(code, failure))}",
        f"The error: {_trimmed(failure.message, MAX_MESSAGE_CHARS)}",
        _call(slot, failure),
        "Correct it. Give back the whole function with its imports.",
    ]
    return ask("\n\n".join(part for part in parts if part))


def wrong_prompt(slot: Slot, spec: Spec, code: str, failure: Failure) -> tuple[Message, ...]:
    """The program, the call that it answers wrongly, and what it gave: for models from 7B up."""
    returned = f"It returned {_trimmed(failure.returned, MAX_VALUE_CHARS)}." if failure.returned else ""
    parts = [
        f"This Python code gives a wrong answer.\n\n{task(slot, spec)}\n\nThe code:\n\n{fenced(code)}",
        _call(slot, failure),
        returned,
        "Correct it. Give back the whole function with its imports.",
    ]
    return ask("\n\n".join(part for part in parts if part))


def resample_prompt(slot: Slot, spec: Spec, failure: Failure | None, attempt: int = 1) -> tuple[Message, ...]:
    """The task afresh, with the example that failed; `attempt` chooses the phrasing."""
    shown = _call(slot, failure) if failure is not None else ""
    wrong = ""
    if shown and failure is not None and failure.returned is not None:
        wrong = f"A wrong program returned {_trimmed(failure.returned, MAX_VALUE_CHARS)} there."
    parts = [PHRASINGS[attempt % len(PHRASINGS)], task(slot, spec), shown, wrong]
    return ask("\n\n".join(part for part in parts if part))


def refine_prompt(slot: Slot, spec: Spec, code: str, advice: Sequence[str]) -> tuple[Message, ...]:
    """A right program, what stands out in it, and the request for the whole function."""
    listed = "\n".join(f"- {_trimmed(sentence, MAX_MESSAGE_CHARS)}" for sentence in advice[:MAX_ADVICE])
    parts = [
        f"This Python code is right, but could be better.\n\n{task(slot, spec)}\n\n"
        f"The code:\n\n{fenced(code)}",
        f"What to change:\n\n{listed}",
        "It must give the same results. Give back the whole function with its imports.",
    ]
    return ask("\n\n".join(parts))


def error_signature(failure: Failure, candidate: Candidate) -> str:
    """The same text for the same mistake: exception type, message without its values, check, program."""
    kind = failure.error.type if failure.error is not None else failure.outcome.value
    message = failure.error.message if failure.error is not None else failure.message
    return digest_of([kind, _normalised(message), failure.check, failure.case, candidate.ast_digest])


def mistake_signature(failure: Failure) -> str:
    """The same text for the same kind of mistake in different programs: type and message without values."""
    kind = failure.error.type if failure.error is not None else failure.outcome.value
    message = failure.error.message if failure.error is not None else failure.message
    return f"{kind}: {_normalised(message)}"


def _normalised(message: str) -> str:
    """The message without addresses, quoted values and numbers, which change from try to try."""
    return _NUMBER.sub("N", _QUOTED.sub("Q", _ADDRESS.sub("ADDR", message)))


def _marked(code: str, failure: Failure) -> str:
    """The code with a comment at the failing line, where that line is known."""
    lines = code.rstrip("\n").split("\n")
    at = _failing_line(lines, failure)
    if at is not None and lines[at].strip():
        lines[at] += MARK
    return "\n".join(lines)


def _failing_line(lines: list[str], failure: Failure) -> int | None:
    """0-based. The gate speaks of the code itself; a traceback is matched by the text of its last line."""
    if failure.check == "gate":
        named = _GATE_LINE.search(failure.message)
        number = int(named[1]) - 1 if named else -1
        return number if 0 <= number < len(lines) else None
    traceback = failure.error.traceback if failure.error is not None else ""
    for text in reversed(traceback.splitlines()):
        places = [at for at, line in enumerate(lines) if line.strip() and line.strip() == text.strip()]
        if len(places) == 1:
            return places[0]
    return None


def _call(slot: Slot, failure: Failure) -> str:
    """The failing case as a sentence; empty when the plan has no such case."""
    for plan in slot.checks:
        if plan.name != failure.check or not isinstance(plan, CasesPlan | HttpPlan) or plan.hidden:
            continue
        for case in plan.cases:
            if case.name == failure.case:
                return _request(case) if isinstance(plan, HttpPlan) else _function_call(case)
    return ""


def _function_call(case: Case) -> str:
    call = _trimmed(call_text(case.function, case.args, case.kwargs), MAX_VALUE_CHARS)
    if case.expected is None:
        return f"It was called as {call}."
    verb = "raise" if case.expected.comparison is Comparison.RAISES else "return"
    return f"{call} must {verb} {_trimmed(case.expected.value, MAX_VALUE_CHARS)}."


def _request(case: Case) -> str:
    request = ast.literal_eval(case.kwargs)
    body = request.get("body")
    sent = f" with the body {_trimmed(repr(body), MAX_VALUE_CHARS)}" if body is not None else ""
    wanted = (
        f" must answer {_trimmed(case.expected.value, MAX_VALUE_CHARS)}" if case.expected else " was sent"
    )
    return f"{request.get('method')} {request.get('path')}{sent}{wanted}."


def _trimmed(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[:limit] + "..."
