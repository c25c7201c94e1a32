import asyncio
import io
import os
import sys

import pytest
from rich.console import Console

from qlayer.cli.question import NO_REPLY, Reply, ask_person, reply_of
from qlayer.types.choice import Asked, Question

QUESTION = Question(function="f", args="([],)", answers=("None", "(IndexError)"), attempts=(0, 1))


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("", NO_REPLY),
        ("a", Reply("None")),
        (" b\n", Reply("IndexError", raises=True)),
        ("[1, 2]", Reply("[1, 2]")),
        ("the first", None),
        ("__import__('os')", None),
    ],
)
def test_what_is_typed_is_an_offered_answer_or_a_value(line: str, reply: Reply | None) -> None:
    assert reply_of(line, QUESTION) == reply


def test_an_answer_that_is_no_answer_cannot_be_chosen() -> None:
    broken = QUESTION.model_copy(update={"answers": ("1", "(time_limit)")})
    assert reply_of("b", broken) is None


async def said(monkeypatch: pytest.MonkeyPatch, text: str, wait_s: float = 30.0) -> tuple[Reply, str]:
    """What comes of typing `text` at the question, and what was shown."""
    reading, writing = os.pipe()
    os.write(writing, text.encode())
    out = io.StringIO()
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        asked = Asked(slot="f", question=QUESTION, wait_s=wait_s)
        reply = await ask_person(Console(file=out), asked)
    os.close(writing)
    return reply, out.getvalue()


async def test_the_question_shows_the_call_and_both_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    reply, shown = await said(monkeypatch, "b\n")
    assert reply == Reply("IndexError", raises=True)
    assert "f([],)" in shown and "a: None" in shown and "b: (IndexError)" in shown


async def test_what_is_not_understood_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe()
    os.write(writing, b"well\n")
    loop.call_later(0.2, os.write, writing, b"a\n")
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        out = io.StringIO()
        reply = await ask_person(Console(file=out), Asked(slot="f", question=QUESTION, wait_s=30.0))
    os.close(writing)
    assert reply == Reply("None")
    assert "no plain Python value" in out.getvalue()


async def test_nothing_is_said_when_nobody_types(monkeypatch: pytest.MonkeyPatch) -> None:
    reply, _ = await said(monkeypatch, "", wait_s=0.1)
    assert reply == NO_REPLY
