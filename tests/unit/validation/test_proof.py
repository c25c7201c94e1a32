"""The proof of small functions: a right one, a subtly wrong one, and ones that little can be said of."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qlayer.errors import SandboxError
from qlayer.sandbox.base import SandboxJob, SandboxResult, ValuesJob
from qlayer.sandbox.fake import FakeSandbox, result_of, unsafe_in_process
from qlayer.types.check import Case, CaseResult, CasesPlan, Expectation, HttpPlan, Level
from qlayer.types.proof import InputKind, SlotProof
from qlayer.types.source import SourceTree
from qlayer.types.spec import Example
from qlayer.types.verdict import Outcome
from qlayer.validation.levels import level_of, missing
from qlayer.validation.proof import ENOUGH_INPUTS, Subject, prove

MEDIAN = """def middle(items: list[int]) -> float:
    items = sorted(items)
    half = len(items) // 2
    if len(items) % 2:
        return float(items[half])
    return (items[half - 1] + items[half]) / 2
"""
MEDIAN_TOO = """import statistics
def middle(items: list[int]) -> float:
    return float(statistics.median(items))
"""
NO_SORT = """def middle(items: list[int]) -> float:
    half = len(items) // 2
    return float(items[half]) if len(items) % 2 else (items[half - 1] + items[half]) / 2
"""
MEDIANS = (("([1, 2, 3],)", "2.0"), ("([1, 2],)", "1.5"), ("([4, 4, 5, 9],)", "4.5"))


def subject(signature: str, *cases: tuple[str, str]) -> Subject:
    name = signature.removeprefix("def ").partition("(")[0]
    return Subject(
        slot=name,
        module="m",
        signature=signature,
        examples=tuple(Example(function=name, args=args, expected=value) for args, value in cases),
        checks=(
            CasesPlan(
                module="m",
                cases=tuple(
                    Case(name=args, function=name, args=args, expected=Expectation(value=value))
                    for args, value in cases
                ),
            ),
        ),
    )


def place(code: str) -> SourceTree:
    return SourceTree(files={"m.py": code.encode()})


async def proved(
    of: Subject, kept: str, *others: str, judge: Callable[[SandboxJob], SandboxResult] = unsafe_in_process
) -> SlotProof:
    async with FakeSandbox(judge) as sandbox:
        return await prove(of, kept, others, 1 + len(others), place, sandbox)


async def test_a_right_function_beside_another_right_one_reaches_v4() -> None:
    proof = await proved(subject("def middle(items: list[int]) -> float", *MEDIANS), MEDIAN, MEDIAN_TOO)
    assert proof.inputs is InputKind.CALLS
    assert proof.used >= ENOUGH_INPUTS and proof.left_out > 0, "the empty list is no input of either"
    assert (proof.crash_free, proof.agreements, proof.candidates) == (1.0, (1.0,), 2)
    assert level_of(proof) is Level.V4


async def test_a_subtly_wrong_one_passes_the_tests_and_stays_at_v2() -> None:
    proof = await proved(subject("def middle(items: list[int]) -> float", *MEDIANS), NO_SORT, MEDIAN)
    assert proof.candidates == 2 and proof.agreements[0] < 1
    assert level_of(proof) is Level.V2
    told = "middle: not V3: only 1 of 2 samples that pass the tests agree, 2 are needed"
    assert told in list(missing(proof))


async def test_alone_it_cannot_agree_with_anybody() -> None:
    proof = await proved(subject("def middle(items: list[int]) -> float", *MEDIANS), MEDIAN)
    assert proof.agreements == () and level_of(proof) is Level.V2


async def test_crashing_where_others_answer_is_seen() -> None:
    of = subject("def half(n: int) -> int", ("(4,)", "2"))
    proof = await proved(
        of, "def half(n):\n    return [0, 0, 1, 1, 2][n]\n", "def half(n):\n    return n // 2\n"
    )
    assert proof.crash_free < 0.5
    assert any("it crashes on" in sentence for sentence in missing(proof))


async def test_a_function_of_one_bool_has_few_inputs_and_says_so() -> None:
    of = subject("def flip(on: bool) -> bool", ("(True,)", "False"))
    proof = await proved(of, "def flip(on):\n    return not on\n", "def flip(on):\n    return on is False\n")
    assert (proof.drawn, proof.used, proof.exhausted) == (1, 1, True)
    assert "only 1 different inputs could be drawn for its parameters" in proof.reasons
    assert level_of(proof) >= Level.V3


async def test_examples_that_are_all_inputs_are_agreement_enough() -> None:
    of = subject("def answer() -> int", ("()", "42"))
    proof = await proved(of, "def answer():\n    return 42\n", "def answer():\n    return 6 * 7\n")
    assert (proof.inputs, proof.used, proof.exhausted) == (InputKind.NONE, 0, True)
    assert level_of(proof) is Level.V4


async def test_weak_tests_name_what_they_let_pass() -> None:
    of = subject("def clamp(n: int) -> int", ("(5,)", "5"), ("(-5,)", "-5"))
    code = "def clamp(n):\n    if n > 9:\n        return 9\n    return n\n"
    proof = await proved(of, code, code)
    assert level_of(proof) is Level.V3
    assert "return 9 -> return 10" in [survivor.change for survivor in proof.survivors]


async def test_nothing_to_call_and_nothing_to_request_is_said() -> None:
    proof = await proved(Subject(slot="f", module="m", signature="def f(x)"), "def f(x):\n    return x + 1\n")
    assert proof.inputs is InputKind.NONE and proof.used == 0
    assert any("neither called by value nor reached by a trusted request" in why for why in proof.reasons)


def answering(breaks: Callable[[str], bool]) -> Callable[[SandboxJob], SandboxResult]:
    """An application that answers everything with 200 but where it `breaks`, by the request's text."""

    def judge(job: SandboxJob) -> SandboxResult:
        assert isinstance(job, ValuesJob) and job.driver == "asgi"
        bad = b"bad" in job.tree.files["m.py"]
        cases = tuple(
            CaseResult(name=case.name, outcome=Outcome.RUNTIME_ERROR)
            if bad and breaks(case.kwargs)
            else CaseResult(name=case.name, outcome=Outcome.ACCEPTED, returned="{'status': 200}")
            for case in job.cases
        )
        return result_of(job, Outcome.ACCEPTED).model_copy(update={"cases": cases})

    return judge


async def test_a_handler_is_tried_with_requests_like_the_trusted_ones() -> None:
    request = {"method": "POST", "path": "/books/1", "body": {"title": "Dune", "pages": 412}}
    plan = HttpPlan(
        module="m",
        cases=(Case(name="1", function="app", kwargs=repr(request), expected=Expectation(value="{}")),),
    )
    of = Subject(slot="book", module="m", signature="def book(store: Store)", checks=(plan,))
    judge = answering(lambda text: "'title'" not in text)
    proof = await proved(of, "bad = 1", "good = 1", judge=judge)
    assert proof.inputs is InputKind.REQUESTS and proof.used == proof.drawn > 10
    assert 0 < proof.crash_free < 1, "requests without a title break the kept one only"
    assert any("not the right answers" in reason for reason in proof.reasons)


async def test_a_broken_platform_proves_nothing() -> None:
    def broken(job: SandboxJob) -> SandboxResult:
        return result_of(job, Outcome.SANDBOX_ERROR)

    with pytest.raises(SandboxError):
        await proved(
            subject("def half(n: int) -> int", ("(4,)", "2")),
            "def half(n):\n    return n // 2\n",
            judge=broken,
        )
