"""Compiled Rego rules behind one question (rego-cpp through regopy).

Import this module only where a rule is asked: loaded before Ray's core, regopy 1.5.2 makes Ray 2.60 corrupt
the process's heap. In the other order both work.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from regopy import Bundle, Input, Interpreter, LogLevel, Output, RegoError

from qlayer.errors import ConfigurationError

_MESSAGE = re.compile(r"errormsg \d+:([^)]*)")


class Rego:
    """Rules and data, compiled once. Questions are serialised: the interpreter is not reentrant."""

    def __init__(self, rules: Mapping[str, str], data: Mapping[str, Any], entrypoints: Sequence[str]) -> None:
        """Raises `ConfigurationError` naming the file that does not compile."""
        self._interpreter = _loaded(rules, data)
        self._bundle = _compiled(self._interpreter, entrypoints)
        self._entrypoints = entrypoints
        self._lock = threading.Lock()

    def ask(self, given: Mapping[str, Any]) -> tuple[Any, ...]:
        """The value of each entrypoint; None for one that is undefined, failed, or came back unreadable."""
        with self._lock:
            self._interpreter.set_input(Input(given))
            return tuple(self._answer(entrypoint) for entrypoint in self._entrypoints)

    def _answer(self, entrypoint: str) -> Any:
        try:
            return _value(self._interpreter.query_bundle_entrypoint(self._bundle, entrypoint))
        except (RegoError, ValueError):
            return None


def _loaded(rules: Mapping[str, str], data: Mapping[str, Any]) -> Interpreter:
    interpreter = Interpreter()
    interpreter.log_level = LogLevel.NONE
    interpreter.strict_built_in_errors = True
    for name, text in rules.items():
        try:
            interpreter.add_module(name, text)
        except RegoError as error:
            raise ConfigurationError(f"policy {name}: {_message(error)}") from None
    interpreter.add_data(data)
    return interpreter


def _compiled(interpreter: Interpreter, entrypoints: Sequence[str]) -> Bundle:
    try:
        return interpreter.build(None, list(entrypoints))
    except RegoError as error:
        raise ConfigurationError(
            f"the policy does not compile: {_message(error)}",
            hint="it must define `allow` and `deny` in package qlayer.release",
        ) from None


def _value(output: Output) -> Any:
    expressions = output[0].expressions if len(output) else []
    return expressions[0] if expressions else None


def _message(error: Exception) -> str:
    found = _MESSAGE.search(str(error))
    return found[1] if found else str(error).splitlines()[0]
