"""The programs that are measured: nothing, a HumanEval-like function, one with imports and fifty asserts."""

from __future__ import annotations

import textwrap

from qlayer.sandbox.base import ProgramJob, SplitJob, ValuesJob
from qlayer.types.check import Case, Expectation
from qlayer.types.frozen import Frozen
from qlayer.types.source import SourceTree

_NEAR = textwrap.dedent("""\
    from typing import List


    def has_close_elements(numbers: List[float], threshold: float) -> bool:
        for index, one in enumerate(numbers):
            for other in numbers[index + 1:]:
                if abs(one - other) < threshold:
                    return True
        return False
    """)
_NEAR_CALLS = (
    ("([1.0, 2.0, 3.9, 4.0, 5.0, 2.2], 0.3)", "True"),
    ("([1.0, 2.0, 3.9, 4.0, 5.0, 2.2], 0.05)", "False"),
    ("([1.0, 2.0, 5.9, 4.0, 5.0], 0.95)", "True"),
    ("([1.0, 2.0, 5.9, 4.0, 5.0], 0.8)", "False"),
    ("([1.1, 2.2, 3.1, 4.1, 5.1], 1.0)", "True"),
)
_WORDS = textwrap.dedent('''\
    import dataclasses
    import json
    import re


    @dataclasses.dataclass(frozen=True)
    class Word:
        text: str
        count: int


    def frequent(text: str, least: int) -> str:
        """The words that come at least so often, as JSON, most frequent first."""
        counts: dict[str, int] = {}
        for word in re.findall(r"[a-z]+", text.lower()):
            counts[word] = counts.get(word, 0) + 1
        words = [Word(text, count) for text, count in counts.items() if count >= least]
        words.sort(key=lambda word: (-word.count, word.text))
        return json.dumps([dataclasses.asdict(word) for word in words])
    ''')
_WORDS_CALLS = tuple(
    (
        repr(("the quick fox and the lazy dog " * times, 2 * times)),
        repr(f'[{{"text": "the", "count": {2 * times}}}]'),
    )
    for times in range(1, 51)
)


class BenchProgram(Frozen):
    """A correct function with its calls and what they return, in the form that each way of running needs."""

    name: str
    function: str
    source: str
    calls: tuple[tuple[str, str], ...]
    """(arguments as a tuple display, returned value as a literal)."""

    @property
    def check(self) -> str:
        """HumanEval's form of tests: ``def check(candidate)`` with one assert per call."""
        asserts = [f"    assert candidate(*{args}) == {value}\n" for args, value in self.calls]
        return "def check(candidate):\n" + "".join(asserts)

    @property
    def whole(self) -> str:
        """Function, tests and their call in one file, as evaluators without a sandbox run it."""
        return f"{self.source}\n\n{self.check}\n\ncheck({self.function})\n"

    def program_job(self) -> ProgramJob:
        return ProgramJob(tree=SourceTree().with_files({"main.py": self.whole}), path="main.py")

    def values_job(self) -> ValuesJob:
        cases = tuple(
            Case(name=f"call {n}", function=self.function, args=args, expected=Expectation(value=value))
            for n, (args, value) in enumerate(self.calls)
        )
        return ValuesJob(tree=SourceTree().with_files({"main.py": self.source}), module="main", cases=cases)

    def split_job(self) -> SplitJob:
        tests = f"{self.check}\ncheck({self.function})\n"
        tree = SourceTree().with_files({"main.py": self.source})
        return SplitJob(tree=tree, module="main", function=self.function, tests=tests)


NOOP = BenchProgram(
    name="no-op", function="nothing", source="def nothing():\n    return None\n", calls=(("()", "None"),)
)
"""What is left is the cost of running anything."""
TINY = BenchProgram(name="tiny", function="has_close_elements", source=_NEAR, calls=_NEAR_CALLS)
"""A function like HumanEval's, five asserts."""
MEDIUM = BenchProgram(name="medium", function="frequent", source=_WORDS, calls=_WORDS_CALLS)
"""Imports json, re and dataclasses; fifty asserts."""
