import pickle

import pytest

from qlayer import errors
from qlayer.types.verdict import PRECEDENCE, Outcome, most_severe


def test_precedence_is_total_and_a_pass_comes_last() -> None:
    assert sorted(PRECEDENCE) == sorted(Outcome)
    assert PRECEDENCE[-1] is Outcome.ACCEPTED
    assert PRECEDENCE[0] is Outcome.SANDBOX_ERROR


def test_nothing_reported_proves_nothing() -> None:
    assert most_severe([]) is Outcome.NO_VERDICT
    assert most_severe([Outcome.ACCEPTED, Outcome.WRONG_ANSWER, Outcome.MEMORY_LIMIT]) is Outcome.MEMORY_LIMIT


@pytest.mark.parametrize(
    "error",
    [
        errors.InputError("bad", field="text", limit="64 KiB", hint="shorten it"),
        errors.PromptTooLong("long", prompt_tokens=9, context_tokens=8),
        errors.BudgetExceeded("spent", resource="seconds"),
        errors.SandboxError("broke"),
    ],
)
def test_errors_survive_pickling_with_all_they_know(error: errors.QlayerError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert again.__dict__ == error.__dict__ and str(again) == str(error)
