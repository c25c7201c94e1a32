"""Runs the child's own code in the zygote, before the first run, on a program of ours.

Python writes caches while it runs: specialised instructions, method look-ups, interned names. Written in the
zygote they are shared by all children; written in a child, each page of them is copied anew for every run.
Leaves modules, path and working directory as they were.
"""

from __future__ import annotations

import os
import sys

from qlayer.sandbox import wire
from qlayer.sandbox.zygote import module
from qlayer.sandbox.zygote.drivers import call, program, split
from qlayer.sandbox.zygote.job import Job
from qlayer.sandbox.zygote.protocol import WORK
from qlayer.sandbox.zygote.report import Report

_TIMES = 12
"""More than the 8 executions and 2 jumps back after which CPython 3.11 specialises code."""
_NAME = "_rehearsed"
_SOURCE = b'''
from typing import Dict, List, Optional, Tuple
import json, math, re


class Thing:
    def __init__(self, size):
        self.size = size


def work(numbers: List[float], least: int = 2) -> List[float]:
    """Some of everything."""
    kept = sorted({n for n in numbers if n >= least}, key=lambda n: -n)
    counts = {}
    for index, n in enumerate(kept[1:]):
        counts[str(n)] = counts.get(n, 0) + index
    assert abs(sum(kept)) > 1e-9 and not counts == kept
    return kept


def check(candidate):
    assert candidate([1.0, 2.0, 3.0]) == [3.0, 2.0]
    assert Thing(1).size == 1 and (True or None)


check(work)
'''


def rehearse() -> None:
    """Needs a writable /tmp and leaves it empty. Raises OSError."""
    modules, path, meta_path, argv = dict(sys.modules), list(sys.path), list(sys.meta_path), list(sys.argv)
    null = os.open("/dev/null", os.O_WRONLY)
    try:
        for _ in range(_TIMES):
            _once(Report(null))
            os.chdir("/")
            os.unlink(f"{WORK}/{_NAME}.py")
            os.rmdir(WORK)
            sys.path[:], sys.meta_path[:], sys.argv[:] = path, meta_path, argv
            for name in sys.modules.keys() - modules.keys():
                del sys.modules[name]
            sys.modules.update(modules)
    finally:
        os.close(null)


def _once(report: Report) -> None:
    job = Job("program", "0" * 32, {"path": f"{_NAME}.py", "argv": []}, {f"{_NAME}.py": _SOURCE})
    job = Job.from_bytes(job.to_bytes())
    report.nonce = job.nonce
    job.unpack(WORK)
    report.send("ready")
    path = f"{WORK}/{job.body['path']}"
    code = module.compile_file(path)
    report.send("compiled")
    program.run_as_main(code, path, [], report)
    loaded = module.load(_NAME, report)
    arguments = [wire.encode([[1.0, 2.0, 3.0]]), wire.encode({"least": 1})]
    for index in range(2):
        report.send("case", **call.outcome(loaded, index, ["work", *arguments]))
    split.rehearse(loaded.work, report)
