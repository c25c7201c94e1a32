"""Becomes another program: a compiler, an interpreter of another language, or what a compiler made.

The child has given up everything before, and keeps its namespaces, uid, cgroup, limits and filters. The
private channel is closed by execve, so all that the program can say is its output and its exit status.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` adds enumerations, which touch more pages
import os
from typing import NoReturn

from qlayer.sandbox.zygote.job import Job
from qlayer.sandbox.zygote.report import Report

_CANNOT_EXECUTE = 126
"""As shells say it."""
_IGNORED_BY_PYTHON = (_signal.SIGPIPE, _signal.SIGXFSZ)


def run(job: Job, report: Report) -> NoReturn:
    """Put artefacts in their place, then execve. Fields: argv, environment, folders, moves, executables."""
    for folder in job.body["folders"]:
        os.makedirs(folder, 0o755, exist_ok=True)
    for source, target in job.body["moves"]:
        os.rename(source, target)
    for path in job.body["executables"]:
        os.chmod(path, 0o755)
    for number in _IGNORED_BY_PYTHON:
        _signal.signal(number, _signal.SIG_DFL)
    report.send("compiled")
    argv = job.body["argv"]
    try:
        os.execve(argv[0], argv, job.body["environment"])
    except OSError as error:
        os.write(2, f"{argv[0]}: cannot execute: {error.strerror}\n".encode())
        os._exit(_CANNOT_EXECUTE)
