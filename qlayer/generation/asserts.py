"""Tests that a model proposes: read as data, never run as code.

A small model often knows a right answer that its program misses, and as often it is wrong. So what it asserts
votes between candidates (`qlayer.validation.votes`); it gates nothing and no repair is started by it. The
inputs it lists are worth more than the answers: every one of them is a call to compare candidates on.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from qlayer.generation.base import Slot
from qlayer.generation.edits import parse
from qlayer.generation.intake.literals import NotPlain, fold, value_text
from qlayer.generation.prompt import ask, task
from qlayer.llm.base import Message
from qlayer.types.check import Case, Expectation
from qlayer.types.spec import Spec

WANTED = 8
"""Asserts that are asked for: about 200 generated tokens, one more sample's worth."""
MAX_TOKENS = 224
"""For an answer. A small model does not stop at the number it was asked for but varies the last call on and
on (ours: 12 of 15 answers of the 1.5B ran to the cap); two in three of its asserts are right throughout."""
MAX_ASSERTS = 16
"""What is kept of a longer answer: the later ones repeat the earlier."""
REL_TOL = 1e-6
"""For floats; a model rounds its answers."""
MAX_LITERAL_CHARS = 2_000


def soft_asserts_prompt(slot: Slot, spec: Spec) -> tuple[Message, ...]:
    """Asks for asserts alone. The function is shown as in every other prompt, without any program."""
    name = slot.function_name
    return ask(
        f"Write {WANTED} asserts that test the Python function below, each on a line of its own as "
        f"`assert {name}(...) == ...` with plain values. Begin with ordinary calls, then edge cases. "
        f"Work out each result with care. Do not write the function itself.\n\n{task(slot, spec)}"
    )


def parse_asserts(text: str, slot: Slot) -> tuple[Case, ...]:
    """The asserts in a model's answer as cases, in its order.

    Only ``assert f(...) == literal`` counts, with the forms that mean the same (``is``, ``not f(...)``, the
    sides exchanged). Calls that the slot's examples settle are left out, and so are calls for which the model
    gave two answers.
    """
    settled = {example.args for example in slot.examples if example.kwargs == "{}"}
    found: dict[tuple[str, str], str | None] = {}
    for node in _statements(text):
        case = _case(node, slot.function_name) if isinstance(node, ast.Assert) else None
        if case is None or (case[0] in settled and case[1] == "{}"):
            continue
        call, expected = (case[0], case[1]), case[2]
        found[call] = expected if found.get(call, expected) == expected else None
    kept = [(*call, expected) for call, expected in found.items() if expected is not None]
    return tuple(
        Case(
            name=f"soft {number}",
            function=slot.function_name,
            args=args,
            kwargs=kwargs,
            expected=Expectation(value=expected, rel_tol=REL_TOL),
        )
        for number, (args, kwargs, expected) in enumerate(kept[:MAX_ASSERTS], start=1)
    )


def listed_inputs(text: str, slot: Slot) -> tuple[str, ...]:
    """The argument tuples of all calls of the function in a model's answer, whatever it says of results."""
    found: dict[str, None] = {}
    for node in _statements(text):
        for call in ast.walk(node):
            given = _given(call, slot.function_name) if isinstance(call, ast.Call) else None
            if given is not None and given[1] == "{}":
                found[given[0]] = None
    return tuple(found)


def _statements(text: str) -> Iterator[ast.stmt]:
    """All statements, also inside test functions; where the whole does not parse, those of single lines."""
    lines = ["" if line.lstrip().startswith(("```", "~~~")) else line for line in text.split("\n")]
    whole = parse("\n".join(lines))
    single = (parse(line.strip().lstrip("-*> ").removeprefix("`").removesuffix("`")) for line in lines)
    for module in (whole,) if whole is not None else single:
        for node in ast.walk(module) if module is not None else ():
            if isinstance(node, ast.Assert | ast.Expr | ast.Assign | ast.Return):
                yield node


def _case(node: ast.Assert, name: str) -> tuple[str, str, str] | None:
    """Arguments, keywords and expected value of one assert; None for any other form."""
    test, expected = node.test, "True"
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test, expected = test.operand, "False"
    elif isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq | ast.Is):
        call, other = test.left, test.comparators[0]
        if not isinstance(call, ast.Call) or _given(call, name) is None:
            call, other = other, call
        literal = _literal(other)
        if literal is None:
            return None
        test, expected = call, literal
    given = _given(test, name) if isinstance(test, ast.Call) else None
    return None if given is None else (*given, expected)


def _given(call: ast.Call, name: str) -> tuple[str, str] | None:
    """What a call of the function passes, as a tuple and a dict display; None when it is not all literal."""
    if not isinstance(call.func, ast.Name) or call.func.id != name:
        return None
    if any(keyword.arg is None for keyword in call.keywords):
        return None
    try:
        args = value_text(tuple(fold(item) for item in call.args))
        kwargs = value_text({keyword.arg: fold(keyword.value) for keyword in call.keywords})
    except NotPlain:
        return None
    return (args, kwargs) if len(args) + len(kwargs) <= MAX_LITERAL_CHARS else None


def _literal(node: ast.expr) -> str | None:
    try:
        text = value_text(fold(node))
    except NotPlain:
        return None
    return text if len(text) <= MAX_LITERAL_CHARS else None
