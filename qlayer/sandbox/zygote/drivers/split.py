"""Split mode: test code in one process, the candidate in another; plain values between them.

The tester holds the private channel and the hidden tests, the candidate holds neither. Every call carries a
fresh nonce; an answer with another one, or none, is tampering.

A message is a line of fields between tabs; those with values are JSON in ASCII, which holds neither.
"""

from __future__ import annotations

import base64
import builtins
import json
import marshal
import os
import socket
import sys
from types import CodeType, ModuleType
from typing import Any, NoReturn

from qlayer.sandbox import wire
from qlayer.sandbox.zygote import mishap, module
from qlayer.sandbox.zygote.drivers.call import finish
from qlayer.sandbox.zygote.job import Job
from qlayer.sandbox.zygote.report import MAX_LINE, Report

_CALL_FD = 5
_NONCE_BYTES = 16
_NONCES = 64
"""Drawn at once: a system call for each would cost as much as the call that it protects."""
_MAX_CODE = 256 * 1024
"""Bytes of compiled test code that are worth keeping."""


class CandidateError(Exception):
    """The candidate raised something that is not a built-in exception."""


class _Tampered(Exception):
    """An answer that no honest candidate gives."""


def serve(job: Job, report: Report) -> NoReturn:
    """The candidate's side: import, then answer calls until the tester hangs up."""
    try:
        loaded = module.load(job.body["module"], report)
        function = getattr(loaded, job.body["function"])
    except BaseException as error:  # any way in which the program's import can fail
        report.send("failed", error=mishap.describe(error))
        finish(1)
    line = _Line(_CALL_FD)
    while (call := line.receive()) is not None:
        line.send(call[0], *_answer(function, call[1], call[2]))
    finish(0)


def _answer(function: Any, args: str, kwargs: str) -> tuple[str, str]:
    # Outside: a call that cannot be read is no exception of the function.
    positional, named = wire.decode(args), {} if kwargs == wire.NO_KWARGS else wire.decode(kwargs)
    try:
        return "value", wire.encode(function(*positional, **named))
    except BaseException as error:  # an exception is an answer too
        return "raised", json.dumps(mishap.describe(error))


def judge(job: Job, report: Report, call_fd: int, check_nonce: bool = True) -> NoReturn:
    """The tester's side: run the test code to its end. Without `check_nonce` (tests) it believes more."""
    os.chdir("/")
    stub = _Stub(_Line(call_fd), report, check_nonce)
    name = job.body["function"]
    candidate = ModuleType(job.body["module"])
    setattr(candidate, name, stub)
    sys.modules[job.body["module"]] = candidate
    space = {"__name__": "__main__", "__builtins__": builtins, name: stub, "candidate": stub}
    report.send("ready")
    try:
        code = _code(job, report)
        report.send("compiled")
        exec(code, space)
        report.send("done")
    except BaseException as error:  # the test code's own verdict, whatever its class
        # Only the class and, for the candidate's own exceptions, its text: the rest could hold hidden tests.
        own = getattr(error, "qlayer_candidate", None)
        report.send("refused", type=type(error).__name__, error=own)
    finish(0)


def _code(job: Job, report: Report) -> CodeType:
    """The compiled tests: the host may have kept them, or may want to. It never looks into them.

    They are reported before the test code runs and before anything of the candidate is read.
    """
    if (kept := job.body.get("code")) is not None:
        code: CodeType = marshal.loads(kept)
        return code
    code = compile(job.body["tests"], "<tests>", "exec", dont_inherit=True)
    if job.body.get("keep") and len(data := marshal.dumps(code)) <= _MAX_CODE:
        report.send("code", data=base64.b64encode(data).decode())
    return code


def rehearse(function: Any, report: Report) -> None:
    """A call through both sides, in one process."""
    here, there = (_Line(end.detach()) for end in socket.socketpair())
    nonce = os.urandom(_NONCE_BYTES).hex()
    here.send(nonce, wire.encode([[1.0, 2.0]]), wire.NO_KWARGS)
    call = there.receive() or []
    there.send(call[0], *_answer(function, call[1], call[2]))
    answer = here.receive() or []
    assert wire.decode(answer[2]) == [2.0]
    for line in (here, there):
        line.close()


class _Stub:
    """Looks like the candidate's function to the test code.

    When the candidate is gone or cheats, the tester ends here and now: test code with a bare ``except`` could
    swallow an exception.
    """

    def __init__(self, line: _Line, report: Report, check_nonce: bool) -> None:
        self._line = line
        self._report = report
        self._check_nonce = check_nonce
        self._nonces: list[str] = []

    def __call__(self, *args: object, **kwargs: object) -> Any:
        call = wire.encode(list(args)), wire.encode(kwargs) if kwargs else wire.NO_KWARGS
        try:
            kind, answer = self._exchange(*call)
            if kind != "raised":
                return wire.decode(answer)
            error = _rebuilt(answer)
        except EOFError:
            self._report.send("gone")
            finish(0)
        except (_Tampered, wire.Malformed, TypeError) as cheat:
            self._report.send("tampered", what=str(cheat)[:200])
            finish(0)
        raise error

    def _fresh_nonce(self) -> str:
        if not self._nonces:
            drawn, width = os.urandom(_NONCES * _NONCE_BYTES).hex(), 2 * _NONCE_BYTES
            self._nonces = [drawn[at : at + width] for at in range(0, len(drawn), width)]
        return self._nonces.pop()

    def _exchange(self, args: str, kwargs: str) -> tuple[str, str]:
        nonce = self._fresh_nonce()
        try:
            self._line.send(nonce, args, kwargs)
        except OSError:
            raise EOFError from None
        answer = self._line.receive()
        if answer is None:
            raise EOFError
        if len(answer) != 3 or (self._check_nonce and answer[0] != nonce):
            raise _Tampered("an answer that belongs to no call")
        return answer[1], answer[2]


def _rebuilt(described: str) -> Exception:
    """A built-in exception of the same name, so that tests can expect it."""
    try:
        error = json.loads(described)
    except (ValueError, RecursionError):
        raise _Tampered("an exception that is not JSON") from None
    if not isinstance(error, dict):
        raise _Tampered("an exception without a description")
    kind = getattr(builtins, str(error.get("type")), CandidateError)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        kind = CandidateError
    try:
        made = kind(str(error.get("message")))
    except TypeError:
        made = CandidateError(str(error.get("message")))
    made.qlayer_candidate = error  # type: ignore[attr-defined]
    return made


class _Line:
    """Lines of fields over the pipe between the two."""

    def __init__(self, fd: int) -> None:
        self._socket = socket.socket(fileno=fd)
        self._rest = b""

    def send(self, *fields: str) -> None:
        """Raises OSError when the other side has ended."""
        self._socket.sendall(("\t".join(fields) + "\n").encode())

    def close(self) -> None:
        self._socket.close()

    def receive(self) -> list[str] | None:
        """The fields; None when the other side has ended. Raises `_Tampered` on anything but text."""
        while b"\n" not in self._rest:
            if len(self._rest) > MAX_LINE:
                raise _Tampered("an answer without an end")
            try:
                chunk = self._socket.recv(65_536)
            except OSError:
                return None
            if not chunk:
                return None
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\n")
        try:
            return line.decode().split("\t")
        except UnicodeDecodeError:
            raise _Tampered("an answer that is not text") from None
