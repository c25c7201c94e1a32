"""The child of one run: gives up everything, then reads its job and hands over to a driver.

The order matters: descriptors, limits, uid, capabilities, filter; only then is the first byte of the job
read. Up to that point a failure is the platform's and is reported as ``setup``.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` adds enumerations, which touch more pages
import gc
import os
import resource
import sys
from enum import IntEnum
from typing import Any, NamedTuple, NoReturn

from qlayer.sandbox.zygote import filters, syscalls
from qlayer.sandbox.zygote.drivers import asgi, call, exec_program, fresh, program, pytest_run, session, split
from qlayer.sandbox.zygote.job import Job
from qlayer.sandbox.zygote.protocol import (
    CANDIDATE_UID,
    ENVIRONMENT,
    NO_ENVIRONMENT,
    PLATFORM_PACKAGES,
    TESTER_UID,
    WORK,
    Order,
    Setup,
)
from qlayer.sandbox.zygote.report import Report

JOB_FD, REPORT_FD, CALL_FD = 3, 4, 5
_SAFE_FD = 32
"""Descriptors are moved above this first, so that none is overwritten by another's final place."""
LOCKED_BYTES = 64 * 1024
_NO_CORE = 1
"""Zero would still start a host's core handler when `core_pattern` is a pipe; one byte stops both kinds."""


_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/tmp",
    "TMPDIR": "/tmp",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    # One run has one core's worth of CPU time; a thread per core of the host only counts as processes.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}
_COLLECT_AFTER = 10_000
"""Objects more than before; CPython itself says 700."""
_prepared = False


class Role(IntEnum):
    CANDIDATE = 0
    TESTER = 1


class Descriptors(NamedTuple):
    job: int
    report: int
    stdin: int
    stdout: int
    stderr: int
    call: int
    """Split mode: the pipe between tester and candidate; else -1."""


_DRIVERS: dict[str, Any] = {
    "call": call.run,
    "fresh": fresh.run,
    "asgi": asgi.run,
    "program": program.run,
    "pytest": pytest_run.run,
    "split": split.serve,
    "session": session.run,
    "exec": exec_program.run,
}


def main(descriptors: Descriptors, role: Role, setup: Setup, order: Order, proc: int) -> NoReturn:
    """Never returns."""
    report: Report | None = None
    try:
        os.setsid()
        if "oom_order" not in setup.disabled:
            _first_in_line_for_oom(proc)
        _arrange(descriptors, setup)
        report = Report(REPORT_FD)
        _limit(setup, order)
        _give_up(role, setup)
    except BaseException as error:  # whatever it is, this process ends here and says why
        give_notice(report, f"{type(error).__name__}: {error}")
    live(role, setup, order, report)


def live(role: Role, setup: Setup, order: Order, report: Report) -> NoReturn:
    """Read the job and do it, in a process that has given up everything. Never returns."""
    try:
        job = Job.read(JOB_FD)
        os.close(JOB_FD)
        report.nonce = job.nonce
        _signal.signal(_signal.SIGINT, _signal.default_int_handler)
        prepare()
        if order.environment != NO_ENVIRONMENT and role is Role.CANDIDATE:
            _use_prepared_packages()
        if role is Role.TESTER and order.interactive:
            _become_interactor(job, report)
        if role is Role.TESTER:
            del os.environ["PYTHONPATH"]
            split.judge(job, report, CALL_FD, check_nonce="split_nonce" not in setup.disabled)
        if "private_tmp" in setup.disabled and os.path.exists(WORK):
            os.rename(WORK, f"{WORK}-{os.getpid()}")
        job.unpack(WORK)
        gc.enable()
        report.send("ready")
        _DRIVERS[job.driver](job, report)
    except BaseException as error:  # whatever it is, this process ends here and says why
        give_notice(report, f"{type(error).__name__}: {error}")
    os._exit(70)


def _become_interactor(job: Job, report: Report) -> NoReturn:
    """A program of the caller's, in a folder that the candidate's uid cannot enter and cannot guess."""
    os.umask(0o077)
    hidden = job.body["hidden"]
    os.mkdir(hidden)
    job.unpack(f"{hidden}/work")
    report.send("ready")
    exec_program.run(job, report)


def give_notice(report: Report | None, error: str) -> NoReturn:
    """End because the run could not be set up; without a report nobody hears why."""
    if report is not None:
        report.send("setup", error=error[:1000])
    os._exit(70)


def prepare(keep_environment: bool = False) -> None:
    """What is the same in every child, done once: in the zygote if it comes to it first."""
    global _prepared
    if _prepared:
        return
    _prepared = True
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    if not keep_environment:
        os.environ.clear()
    os.environ.update(_ENVIRONMENT)
    # A short program ends before the first collection, which would visit what it has never touched.
    gc.set_threshold(_COLLECT_AFTER)
    _show_path()


def forget_platform_modules() -> None:
    """Let a candidate import what it likes by any name; the drivers keep their own references."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "qlayer"]:
        del sys.modules[name]
    sys.modules["__main__"].__dict__.clear()


def _first_in_line_for_oom(proc: int) -> None:
    """Make the kernel take a candidate, never the zygote, when the cgroup's memory is used up."""
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)
    fd = os.open("self/oom_score_adj", os.O_WRONLY, dir_fd=proc)
    os.write(fd, b"1000")
    os.close(fd)
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)


def _arrange(descriptors: Descriptors, setup: Setup) -> None:
    """Standard streams at 0 to 2, the private ones at 3 to 5 and closed on exec, nothing else open."""
    wanted = [descriptors.stdin, descriptors.stdout, descriptors.stderr, descriptors.job, descriptors.report]
    if descriptors.call >= 0:
        wanted.append(descriptors.call)
    for place, fd in enumerate(wanted):
        os.dup2(fd, _SAFE_FD + place, inheritable=False)
    for place in range(len(wanted)):
        os.dup2(_SAFE_FD + place, place, inheritable=place <= 2)
    if "descriptors" not in setup.disabled:
        os.closerange(len(wanted), 1 << 20)


def _limit(setup: Setup, order: Order) -> None:
    """Step 6: what the kernel counts per process."""
    if "rlimits" in setup.disabled:
        return
    limits = [
        ("rlimit_core", resource.RLIMIT_CORE, _NO_CORE),
        ("rlimit_locked", resource.RLIMIT_MEMLOCK, LOCKED_BYTES),
        ("rlimit_file_size", resource.RLIMIT_FSIZE, order.file_bytes),
        ("rlimit_files", resource.RLIMIT_NOFILE, order.open_files),
    ]
    if order.processes:
        limits.append(("rlimit_processes", resource.RLIMIT_NPROC, order.processes))
    if order.data_bytes:
        limits.append(("rlimit_data", resource.RLIMIT_DATA, order.data_bytes))
    for name, kind, value in limits:
        if name not in setup.disabled:
            resource.setrlimit(kind, (value, value))
    # The kernel samples this limit by ticks and fires up to an eighth early: never before what is granted.
    cpu_s = order.cpu_us // 1_000_000 * 9 // 8 + 1
    # One second between the signal that can be caught and the one that cannot.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))


def _give_up(role: Role, setup: Setup) -> None:
    """Step 7: the zygote's uid, its capabilities and the calls that only it needs."""
    if setup.privileged and "second_uid" not in setup.disabled:
        uid = TESTER_UID if role is Role.TESTER else CANDIDATE_UID
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    if "capabilities" not in setup.disabled:
        syscalls.drop_capabilities()
    if not {"seccomp", "child_filter", "no_new_privs"} & set(setup.disabled):
        syscalls.load_filter(filters.child_filter())


def _use_prepared_packages() -> None:
    """Make them importable after the standard library and before the platform's own packages."""
    places = [place for place, path in enumerate(sys.path) if path == PLATFORM_PACKAGES]
    sys.path.insert(places[0] if places else len(sys.path), ENVIRONMENT)
    _show_path()


def _show_path() -> None:
    """Let an interpreter that the program starts find what the program finds."""
    os.environ["PYTHONPATH"] = os.pathsep.join([WORK, f"{WORK}/src", *sys.path])
