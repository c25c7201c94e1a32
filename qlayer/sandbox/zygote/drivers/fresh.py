"""Values mode with a process per case: a fork of the one that imported the module makes the call.

No state passes from one case to the next, and a case that crashes or never returns costs only its own result.
The importing process relays the reports; it is the candidate's own too, so this isolates cases, not trust.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
from time import monotonic
from types import ModuleType
from typing import Any, NoReturn

from qlayer.sandbox.zygote import mishap, module, syscalls
from qlayer.sandbox.zygote.drivers.call import finish, outcome
from qlayer.sandbox.zygote.job import Job
from qlayer.sandbox.zygote.report import MAX_LINE, Report

_CHUNK = 65_536


def run(job: Job, report: Report) -> NoReturn:
    """Import the module, make every call in a fork of its own, end."""
    try:
        loaded = module.load(job.body["module"], report)
    except BaseException as error:  # any way in which the program's import can fail
        report.send("failed", error=mishap.describe(error))
        finish(1)
    end = monotonic() + job.body["seconds"]
    for index, case in enumerate(job.body["cases"]):
        # Half of what is left: a case that never returns leaves time for those after it.
        report.send("case", **_in_fork(loaded, index, case, (end - monotonic()) / 2))
    report.send("done")
    finish(0)


def _in_fork(loaded: ModuleType, index: int, case: list[str], seconds: float) -> dict[str, Any]:
    out, inner = os.pipe()
    started = monotonic()
    pid = syscalls.fork()
    if pid == 0:
        os.close(out)
        os.setpgid(0, 0)
        _call(inner, loaded, index, case)
    os.close(inner)
    try:
        text = _answer(out, started + max(seconds, 0.0))
    finally:
        os.close(out)
    if text is None:
        os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    # What the case itself has started ends with it.
    _kill(pid)
    taken = monotonic() - started
    if text is None:
        return {"index": index, "late": seconds, "seconds": taken}
    fields = _fields(text)
    if status or fields is None:
        return {"index": index, "status": status, "seconds": taken}
    return {**fields, "index": index}


def _call(inner: int, loaded: ModuleType, index: int, case: list[str]) -> NoReturn:
    line = memoryview(json.dumps(outcome(loaded, index, case)).encode())
    while line:
        line = line[os.write(inner, line) :]
    finish(0)


def _answer(out: int, deadline: float) -> bytes | None:
    """All that the fork has written when it has ended; None when it has not in time."""
    text = bytearray()
    while (left := deadline - monotonic()) > 0 and len(text) < MAX_LINE:
        if select.select([out], [], [], left)[0]:
            if not (chunk := os.read(out, _CHUNK)):
                return bytes(text)
            text += chunk
    return None


def _kill(group: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(group, signal.SIGKILL)


def _fields(text: bytes) -> dict[str, Any] | None:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None
