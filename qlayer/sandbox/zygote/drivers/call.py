"""Values mode, function calls: call, encode, report; never compare. Expected values stay with the host."""

from __future__ import annotations

import os
import sys
from time import perf_counter
from types import CoroutineType, ModuleType
from typing import Any, NoReturn

from qlayer.sandbox import wire
from qlayer.sandbox.zygote import mishap, module
from qlayer.sandbox.zygote.job import Job
from qlayer.sandbox.zygote.report import Report


def run(job: Job, report: Report) -> NoReturn:
    """Import the module, make every call in order, end."""
    try:
        loaded = module.load(job.body["module"], report)
    except BaseException as error:  # any way in which the program's import can fail
        report.send("failed", error=mishap.describe(error))
        finish(1)
    for index, case in enumerate(job.body["cases"]):
        report.send("case", **outcome(loaded, index, case))
    report.send("done")
    finish(0)


def finish(status: int) -> NoReturn:
    """End at once: no exit handler of the program runs after the last report."""
    for stream in (sys.stdout, sys.stderr):
        try:  # noqa: SIM105 - a context manager touches more pages
            stream.flush()
        except BaseException:  # noqa: S110 - the program may have replaced or closed it
            pass
    os._exit(status)


def returned(index: int, value: object, seconds: float) -> dict[str, Any]:
    """A report's fields for a value, plain or not."""
    try:
        return {"index": index, "value": wire.encode(value), "seconds": seconds}
    except wire.Unplain as error:
        return {"index": index, "opaque": str(error), "seconds": seconds}


def outcome(loaded: ModuleType, index: int, case: list[str]) -> dict[str, Any]:
    function, args, kwargs = case
    started = perf_counter()
    try:
        target: Any = loaded
        for name in function.split("."):
            target = getattr(target, name)
        named = {} if kwargs == wire.NO_KWARGS else wire.decode(kwargs)
        value = target(*wire.decode(args), **named)
        if type(value) is CoroutineType:
            value = _awaited(value)
        seconds = perf_counter() - started
        return returned(index, value, seconds)
    except BaseException as error:  # one case's failure is that case's result
        return {"index": index, "error": mishap.describe(error), "seconds": perf_counter() - started}


def _awaited(value: Any) -> object:
    import asyncio  # 4 MB and 40 ms that most candidates do not need

    return asyncio.run(value)
