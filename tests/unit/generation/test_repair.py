"""What a model hears after a failure, and when two failures are the same."""

from __future__ import annotations

from generation_slots import make_slot

from qlayer.generation.gate import ast_digest
from qlayer.generation.repair import crash_prompt, error_signature, resample_prompt
from qlayer.generation.wording import MARK
from qlayer.types.candidate import Candidate, Sampling
from qlayer.types.check import Case, Comparison, ErrorInfo, Expectation, Failure, HttpPlan
from qlayer.types.ids import ModelId, sha256
from qlayer.types.spec import Spec
from qlayer.types.usage import TokenUsage
from qlayer.types.verdict import Outcome

SPEC = Spec(title="Add", description="Add two numbers.")
CODE = "def add(a, b):\n    total = a + c\n    return total\n"
CASE = "1: add(1, 2)"


def crash(message: str = "name 'c' is not defined", traceback: str = "") -> Failure:
    error = ErrorInfo(type="NameError", message=message, traceback=traceback)
    return Failure(
        check="examples",
        case=CASE,
        outcome=Outcome.RUNTIME_ERROR,
        message=f"NameError: {message}",
        error=error,
    )


def candidate(code: str) -> Candidate:
    return Candidate(
        slot="add",
        code=code,
        ast_digest=ast_digest(code),
        model=ModelId("m"),
        prompt=sha256(b""),
        sampling=Sampling(),
        usage=TokenUsage(),
    )


def test_a_crash_prompt_shows_program_error_and_case_and_marks_the_line() -> None:
    traceback = 'File "core.py", line 9, in add\n    total = a + c\n            ^'
    user = crash_prompt(make_slot(), SPEC, CODE, crash(traceback=traceback))[-1].content
    assert f"    total = a + c{MARK}\n    return total" in user
    assert "NameError: name 'c' is not defined" in user
    assert "add(1, 2) must return 3." in user
    assert user.count(MARK) == 1


def test_a_line_that_is_not_unique_is_not_marked() -> None:
    code = "def add(a, b):\n    a = c\n    a = c\n    return a\n"
    user = crash_prompt(make_slot(), SPEC, code, crash(traceback="a = c"))[-1].content
    assert MARK not in user


def test_a_gate_failure_marks_the_line_it_names() -> None:
    failure = Failure(
        check="gate", outcome=Outcome.COMPILE_ERROR, message="F821: undefined name 'c' (line 2)"
    )
    user = crash_prompt(make_slot(), SPEC, CODE, failure)[-1].content
    assert f"a + c{MARK}" in user


def test_a_crash_prompt_is_a_fresh_conversation() -> None:
    messages = crash_prompt(make_slot(), SPEC, CODE, crash())
    assert [message.role for message in messages] == ["system", "user"]


def test_resampling_shows_the_failing_example_but_not_the_program() -> None:
    failure = Failure(
        check="examples", case=CASE, outcome=Outcome.WRONG_ANSWER, message="wrong", returned="[4]"
    )
    user = resample_prompt(make_slot(), SPEC, failure, 1)[-1].content
    assert "add(1, 2) must return 3." in user
    assert "returned [4]" in user
    assert "total" not in user


def test_resampling_without_a_failure_asks_in_other_words() -> None:
    first, second = (resample_prompt(make_slot(), SPEC, None, n) for n in (1, 2))
    assert first != second


def test_long_values_and_messages_are_trimmed() -> None:
    failure = Failure(
        check="examples", case=CASE, outcome=Outcome.WRONG_ANSWER, message="m", returned="9" * 10**6
    )
    assert len(resample_prompt(make_slot(), SPEC, failure)[-1].content) < 2_000
    assert len(crash_prompt(make_slot(), SPEC, CODE, crash("x" * 10**6))[-1].content) < 2_000


def test_requests_and_exceptions_are_put_in_words() -> None:
    request = Case(
        name="r",
        function="app",
        kwargs="{'method': 'POST', 'path': '/books', 'body': {'pages': 0}}",
        expected=Expectation(comparison=Comparison.INCLUDES, value="{'status': 422}"),
    )
    raising = Case(
        name="e",
        function="add",
        args="(None,)",
        expected=Expectation(comparison=Comparison.RAISES, value="TypeError"),
    )
    slot = make_slot()
    cases = slot.checks[0].model_copy(update={"cases": (raising,)})
    slot = slot.model_copy(update={"checks": (cases, HttpPlan(module="app.main", cases=(request,)))})
    http = Failure(check="requests", case="r", outcome=Outcome.WRONG_ANSWER, message="m")
    wrong = Failure(check="examples", case="e", outcome=Outcome.WRONG_ANSWER, message="m")
    assert "POST /books with the body {'pages': 0} must answer {'status': 422}." in (
        resample_prompt(slot, SPEC, http)[-1].content
    )
    assert "add(None) must raise TypeError." in resample_prompt(slot, SPEC, wrong)[-1].content


def test_the_same_mistake_has_the_same_signature() -> None:
    first = error_signature(crash("name 'c' is not defined at 0x7f12"), candidate(CODE))
    assert first == error_signature(crash("name 'd' is not defined at 0x99"), candidate(CODE + "\n# again\n"))


def test_another_program_error_or_case_has_another_signature() -> None:
    other_type = crash().model_copy(update={"error": ErrorInfo(type="TypeError", message="x")})
    signatures = {
        error_signature(crash(), candidate(CODE)),
        error_signature(crash(), candidate(CODE.replace("+", "-"))),
        error_signature(other_type, candidate(CODE)),
        error_signature(crash().model_copy(update={"case": "2"}), candidate(CODE)),
    }
    assert len(signatures) == 4
