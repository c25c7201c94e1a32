"""Session mode: an interpreter that stays, and does one request after the other.

Requests are lines of JSON on what was stdin, answers go out on the private channel. Whatever runs here shares
the process and can forge an answer: a session is only ever lied to by itself.
"""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any, NoReturn

from qlayer.sandbox.zygote import mishap, module
from qlayer.sandbox.zygote.drivers.call import finish
from qlayer.sandbox.zygote.job import Job
from qlayer.sandbox.zygote.protocol import WORK
from qlayer.sandbox.zygote.report import Report

PIECE_BYTES = 512 * 1024
"""Of a file, in one request or answer."""
MAX_ENTRIES = 5_000
_AGAIN_S = 0.2
"""Code that catches the interruption meets it again."""
_PRIVATE_FD = 16


class _TimeUp(BaseException):
    """Raised in the running code when its time is up."""


def run(job: Job, report: Report) -> NoReturn:
    """Serve until the host hangs up."""
    _Session(report).serve()
    finish(0)


class _Session:
    def __init__(self, report: Report) -> None:
        self._report = report
        self._main = ModuleType("__main__")
        self._main.__dict__["__builtins__"] = __builtins__
        self._running = False
        self._count = 0
        sys.modules["__main__"] = self._main
        sys.argv = [""]
        module.use_tree()

    def serve(self) -> None:
        import fcntl

        control = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, _PRIVATE_FD)
        null = os.open("/dev/null", os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        signal.signal(signal.SIGALRM, self._interrupt)
        send = self._report.send
        with os.fdopen(control, "rb") as requests:
            for line in requests:
                request = json.loads(line)
                number = request.pop("number")
                send("answer", number=number, **self._answer(request.pop("op"), request))

    def _answer(self, op: str, request: dict[str, Any]) -> dict[str, Any]:
        try:
            if op == "python":
                return self._python(**request)
            return _OPERATIONS[op](**request)
        except _TimeUp:
            return {"status": 1, "timed_out": True}
        except OSError as error:
            return {"errno": error.errno or 5, "message": error.strerror or str(error)}

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self._running:
            raise _TimeUp

    def _python(self, source: str, wall_s: float) -> dict[str, Any]:
        signal.setitimer(signal.ITIMER_REAL, wall_s, _AGAIN_S)
        try:
            self._running = True
            return self._executed(source)
        finally:
            self._running = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            for stream in (sys.stdout, sys.stderr):
                try:  # noqa: SIM105 - it may be the session's own object
                    stream.flush()
                except BaseException:  # noqa: S110
                    pass

    def _executed(self, source: str) -> dict[str, Any]:
        import ast
        import linecache
        import traceback

        self._count += 1
        name = f"<input {self._count}>"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        try:
            tree = ast.parse(source, name)
            shown = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, name, "exec", dont_inherit=True), self._main.__dict__)
            if shown is not None:
                last = compile(ast.Interactive([shown]), name, "single", dont_inherit=True)
                exec(last, self._main.__dict__)
        except _TimeUp:
            raise
        except SystemExit as end:
            return {"status": end.code if isinstance(end.code, int) else int(end.code is not None)}
        except BaseException as error:  # whatever the code raises is its result
            tb = error.__traceback__
            while tb is not None and tb.tb_frame.f_code.co_filename != name:
                tb = tb.tb_next
            traceback.print_exception(type(error), error, tb)
            return {"status": 1, "error": mishap.describe(error)}
        return {"status": 0}


def _shell(command: str, wall_s: float) -> dict[str, Any]:
    import subprocess

    process = subprocess.Popen(["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        status = process.wait(wall_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return {"status": 128 + signal.SIGKILL, "timed_out": True}
    return {"status": status if status >= 0 else 128 - status}


def _write(path: str, data: str, first: bool, mode: int) -> dict[str, Any]:
    import base64

    target = f"{WORK}/{path}"
    if first:
        os.makedirs(os.path.dirname(target), 0o755, exist_ok=True)
        if os.path.lexists(target) and not stat.S_ISDIR(os.lstat(target).st_mode):
            os.unlink(target)
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | (os.O_EXCL if first else os.O_APPEND)
    fd = os.open(target, flags, mode)
    try:
        rest = memoryview(base64.b64decode(data))
        while rest:
            rest = rest[os.write(fd, rest) :]
    finally:
        os.close(fd)
    return {}


def _read(path: str, at: int) -> dict[str, Any]:
    import base64

    fd = os.open(f"{WORK}/{path}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            return {"errno": 22, "message": "not a regular file"}
        data = os.pread(fd, PIECE_BYTES, at)
    finally:
        os.close(fd)
    return {"data": base64.b64encode(data).decode(), "size": found.st_size}


def _list() -> dict[str, Any]:
    entries: list[list[Any]] = []
    todo = [""]
    while todo:
        above = todo.pop()
        with os.scandir(f"{WORK}/{above}") as found:
            for entry in found:
                if len(entries) == MAX_ENTRIES:
                    return {"errno": 7, "message": f"more than {MAX_ENTRIES} entries"}
                status = entry.stat(follow_symlinks=False)
                path = f"{above}{entry.name}"
                entries.append([path, stat.S_IFMT(status.st_mode), status.st_size, status.st_mode & 0o777])
                if stat.S_ISDIR(status.st_mode):
                    todo.append(f"{path}/")
    return {"entries": entries}


_OPERATIONS: dict[str, Callable[..., dict[str, Any]]] = {
    "shell": _shell,
    "write": _write,
    "read": _read,
    "list": _list,
}
