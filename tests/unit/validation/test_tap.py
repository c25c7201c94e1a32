"""What is believed of a program's TAP."""

from __future__ import annotations

from qlayer.types.verdict import Outcome
from qlayer.validation.tap import told_cases

_TAP = b"""TAP version 13
# Subtest: adds
ok 1 - adds
    ok 1 - nested
not ok 2 - subtracts
ok 3 - later # SKIP not yet
ok 4 - has a \\# in it
1..4
"""


def test_only_what_passed_counts_and_nested_tests_do_not() -> None:
    told = {case.name: case.outcome is Outcome.ACCEPTED for case in told_cases(_TAP)}
    assert told == {"adds": True, "subtracts": False, "later": False, "has a # in it": True}


def test_a_test_told_twice_is_told_twice() -> None:
    assert len(told_cases(b"ok 1 - adds\nok 2 - adds\n")) == 2
