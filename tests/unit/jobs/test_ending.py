"""A job's command ends with words and the exit status of what went wrong."""

from __future__ import annotations

import pytest
import typer

from jobs.ending import explained
from qlayer.errors import InputError


def test_an_error_of_ours_is_a_sentence_with_its_hint(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as end, explained():
        raise InputError("no such task", field="first", hint="count from 0")
    assert end.value.exit_code == 2
    assert capsys.readouterr().err == "error: no such task\nhint: count from 0\n"


def test_ctrl_c_says_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as end, explained():
        raise KeyboardInterrupt
    assert end.value.exit_code == 130
    assert "the same command" in capsys.readouterr().err


def test_a_defect_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), explained():
        raise ZeroDivisionError
