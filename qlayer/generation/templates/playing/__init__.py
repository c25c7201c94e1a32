"""Tests of a command line: calls with their outputs, judged by value through the project's ``tests/play.py``.

The module is the platform's own and knows no expected value: it calls ``main(argv)`` in the candidate's
process and returns what a terminal would show, so that the host can compare.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qlayer.generation.templates.render import render_folder
from qlayer.types.check import SMOKE, Case, CasesPlan, Comparison, Expectation, PytestPlan
from qlayer.types.tool import Invocation

MODULE = "tests.play"
_FILES = Path(__file__).parent / "files"
_TESTS = "tests/test_cli.py"


def play_files(package: str, calls: Sequence[Invocation]) -> dict[str, str]:
    """The project's tests: how to play calls, and the calls as a file that a person can read and extend."""
    shown = [{"call": _call(one), "expected": _expected(one)} for one in calls]
    return {
        **render_folder(_FILES, {"package": package, "calls": bool(calls)}),
        "tests/calls.json": json.dumps(shown, indent=2, ensure_ascii=False) + "\n",
    }


def project_tests(calls: Sequence[Invocation]) -> PytestPlan:
    names = ["test_help", *(["test_calls"] if calls else [])]
    return PytestPlan(paths=(_TESTS,), expected_tests=tuple(f"{_TESTS}::{name}" for name in names))


def smoke(commands: Sequence[str]) -> CasesPlan:
    """The tool and each of its commands tell how they are used. Passes without any slot filled."""
    calls = [("--help",), *((command, "--help") for command in commands if command)]
    cases = [
        Case(
            name=f"{number}: {' '.join(argv)}",
            function="play",
            args=repr((list(argv),)),
            expected=Expectation(comparison=Comparison.INCLUDES, value="{'status': 0}"),
        )
        for number, argv in enumerate(calls, 1)
    ]
    return CasesPlan(name=SMOKE, module=MODULE, cases=tuple(cases))


def plan(name: str, program: str, steps: Sequence[tuple[Invocation, bool]]) -> CasesPlan:
    """The calls in order; those whose flag is false are made, but not judged."""
    cases = []
    for number, (one, judged) in enumerate(steps, 1):
        given = _call(one)
        argv = given.pop("argv")
        expected = Expectation(comparison=Comparison.INCLUDES, value=repr(_expected(one)))
        cases.append(
            Case(
                name=f"{number}: {' '.join((program, *one.argv))[:100]}",
                function="play",
                args=repr((argv,)),
                kwargs=repr(given),
                expected=expected if judged else None,
            )
        )
    return CasesPlan(name=name, module=MODULE, cases=tuple(cases))


def _call(one: Invocation) -> dict[str, Any]:
    """The arguments of ``play``, without those that are as they would be anyway."""
    return {
        "argv": list(one.argv),
        **({"stdin": one.stdin} if one.stdin else {}),
        **({"files": dict(one.files)} if one.files else {}),
        **({"look": list(one.written)} if one.written else {}),
        **({} if one.fresh else {"fresh": False}),
    }


def _expected(one: Invocation) -> dict[str, Any]:
    return {
        **({"status": one.status} if one.status is not None else {"ok": not one.fails}),
        **({"output": one.output} if one.output is not None else {}),
        **({"files": dict(one.written)} if one.written else {}),
    }
