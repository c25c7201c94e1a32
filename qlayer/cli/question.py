"""Puts a run's question to the person at the terminal: which of two answers is right."""

from __future__ import annotations

import ast
import asyncio
import sys
from typing import NamedTuple

from rich.console import Console

from qlayer.cli.render import printable
from qlayer.types.choice import Asked, Question


class Reply(NamedTuple):
    """What a person said. `expected` None: it cannot be said."""

    expected: str | None
    raises: bool = False


NO_REPLY = Reply(None)


async def ask_person(console: Console, asked: Asked) -> Reply:
    """Ask until the line typed is an answer; nothing is said when the input ends or the wait is over."""
    question = asked.question
    console.print(f"\nTwo programs differ on {printable(question.function + question.args)}. Which is right?")
    for letter, text in zip("ab", question.answers, strict=True):
        console.print(f"  {letter}: {printable(text)}")
    try:
        async with asyncio.timeout(asked.wait_s):
            while True:
                console.print("a, b, the right value itself, or Enter when it does not matter: ", end="")
                line = await _line()
                reply = reply_of(line, question) if line else NO_REPLY
                if reply is not None:
                    return reply
                console.print("That is no plain Python value.")
    except TimeoutError:
        return NO_REPLY


def reply_of(line: str, question: Question) -> Reply | None:
    """What a typed line says; None when it is not understood. Pure."""
    said = line.strip()
    if not said:
        return NO_REPLY
    if said in ("a", "b"):
        return _offered(question.answers["ab".index(said)])
    try:
        ast.literal_eval(said)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None
    return Reply(said)


def _offered(answer: str) -> Reply | None:
    """One of the two answers: a literal, or an exception's name in brackets."""
    name = answer[1:-1]
    if answer == f"({name})" and name.isidentifier() and name[:1].isupper():
        return Reply(name, raises=True)
    try:
        ast.literal_eval(answer)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None
    return Reply(answer)


async def _line() -> str:
    """A line from the terminal, without a thread: Ctrl-C ends the wait. Empty at the end of the input."""
    loop = asyncio.get_running_loop()
    come = asyncio.Event()
    loop.add_reader(sys.stdin, come.set)
    try:
        await come.wait()
        return sys.stdin.readline()
    finally:
        loop.remove_reader(sys.stdin)
