"""From trusted examples to cases for the judge and to readable pytest functions for the project."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from qlayer.generation.wording import call_text
from qlayer.types.check import Case, Comparison, Expectation
from qlayer.types.spec import Example

FLOAT_TOLERANCE = 1e-9
"""Relative tolerance where the expected value holds a float: examples are written with few digits."""
MAX_CASE_NAME_CHARS = 100


@dataclass(frozen=True)
class ExampleTest:
    """One pytest function. `assertion` is its whole body."""

    name: str
    assertion: str
    raises: str | None = None


def case_of(example: Example, number: int) -> Case:
    """The example as a case; its name starts with its number in the request."""
    expectation = (
        Expectation(comparison=Comparison.RAISES, value=example.expected)
        if example.raises
        else Expectation(value=example.expected, rel_tol=FLOAT_TOLERANCE if _has_float(example) else 0.0)
    )
    return Case(
        name=f"{number}: {_shortened(call_text(example.function, example.args, example.kwargs))}",
        function=example.function,
        args=example.args,
        kwargs=example.kwargs,
        expected=expectation,
    )


def test_of(example: Example, number: int) -> ExampleTest:
    """The example as a pytest function."""
    call = call_text(example.function, example.args, example.kwargs)
    name = f"test_example_{number}"
    if example.raises:
        return ExampleTest(name, call, raises=example.expected)
    if example.expected in ("True", "False", "None"):
        return ExampleTest(name, f"assert {call} is {example.expected}")
    if isinstance(ast.literal_eval(example.expected), float):
        return ExampleTest(name, f"assert {call} == approx({example.expected}, rel={FLOAT_TOLERANCE})")
    return ExampleTest(name, f"assert {call} == {example.expected}")


test_of.__test__ = False  # type: ignore[attr-defined]  # pytest would collect it where it is imported


def _has_float(example: Example) -> bool:
    nodes = ast.walk(ast.parse(example.expected, mode="eval"))
    return any(isinstance(node, ast.Constant) and isinstance(node.value, float) for node in nodes)


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_CASE_NAME_CHARS else text[: MAX_CASE_NAME_CHARS - 3] + "..."
