"""Process 1 of the sandbox, the zygote: sets itself up, then forks one child per run.

It handles descriptors and integers only (see `protocol`). Candidates cannot signal it: it is pid 1 of their
namespace, of another uid, and has no handlers.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import sys
import time
from typing import NoReturn

from qlayer.sandbox.zygote import (
    arenas,
    child,
    filters,
    heap,
    leave,
    packages,
    rehearsal,
    rootfs,
    serve,
    syscalls,
)
from qlayer.sandbox.zygote.protocol import (
    FAILED,
    HELPED,
    KILL,
    NO_ENVIRONMENT,
    READY,
    RUN,
    ZYGOTE_UID,
    Ending,
    Order,
    Setup,
)
from qlayer.sandbox.zygote.report import Report

_REAP_EVERY_MS = 50
_GRACE_S = 0.2
"""For helpers of the program (a pool's resource tracker) that end by themselves when it has ended."""
_FIRST_STEP_S, _LAST_STEP_S = 0.000_125, 0.002
_CPUS = len(os.sched_getaffinity(0))
_LAST_CAPABILITY = 63
_CPUCLOCK_SCHED = 2
"""A process's CPU clock is ``~pid << 3 | 2`` (linux/posix-timers.h), as `clock_getcpuclockid` makes it."""
_PLAIN = Order(False, 0, 0, 0, 0, 0, 0, 0)
"""What a child of the helper need know of its order: that there is nothing special in it."""
_UNLIMITED = 1 << 30
"""Bytes and inodes of the /tmp that is kept when `private_tmp` is off."""


def main(control: socket.socket, setup: Setup, asks: int, answers: int) -> NoReturn:
    """Never returns: a zygote ends with the host's end of the control socket, or by a signal."""
    try:
        # Before the host's files are out of reach.
        loop = _helper(control, setup)
        proc = set_up(setup, asks, answers)
        shelf = _shelf(setup)
    except (OSError, ImportError) as error:
        control.send(FAILED + f"{type(error).__name__}: {error}".encode()[:2000])
        os._exit(1)
    if loop is None:
        control.send(READY)
        _serve(control, setup, proc, shelf)
    control.send(READY + HELPED)
    _serve_by_helper(loop, control, setup, proc, shelf)


def _shelf(setup: Setup) -> int:
    if not setup.environments or "pivot_root" in setup.disabled:
        return -1
    return packages.take(covered="packages_covered" not in setup.disabled)


def _helper(control: socket.socket, setup: Setup) -> serve.Loop | None:
    """The compiled loop, for all controls on only; where it does not load Python does its work."""
    if not setup.helper or setup.disabled:
        return None
    limits = serve.Limits(_REAP_EVERY_MS, int(_GRACE_S * 1000), child.LOCKED_BYTES, _CPUS)
    with contextlib.suppress(OSError):
        return serve.Loop(setup.helper, limits, control=control.fileno(), second_uid=setup.privileged)
    return None


def set_up(setup: Setup, asks: int, answers: int) -> int:
    """Steps 3 to 6 of the order that docs/sandbox.md gives. Returns a descriptor of the host's /proc."""

    def ask(wish: bytes) -> None:
        os.write(asks, wish)
        if os.read(answers, 1) != b"1":
            raise OSError(f"the keeper could not grant {wish!r}")

    proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY)
    # 3. The own tree.
    syscalls.unshare(syscalls.CLONE_NEWNS)
    if "pivot_root" in setup.disabled:
        syscalls.mount("none", "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
    else:
        binds = [*setup.binds, *packages.binds(setup.environments)]
        rootfs.enter(binds, setup.writable, setup.disabled)
    sys.path[:] = setup.sys_path
    for name in setup.imports:
        importlib.import_module(name)
    child.forget_platform_modules()
    # 4. Uids.
    if setup.privileged and "user_ns" not in setup.disabled:
        syscalls.unshare(syscalls.CLONE_NEWUSER | syscalls.CLONE_NEWNS)
        ask(b"u")
        os.setgroups([])
        os.setresgid(ZYGOTE_UID, ZYGOTE_UID, ZYGOTE_UID)
        os.setresuid(ZYGOTE_UID, ZYGOTE_UID, ZYGOTE_UID)
    arenas.gather()
    # 5. Cgroups: after the imports, so that they are not charged to a candidate.
    if setup.cgroups:
        ask(b"c")
        # What is the root of the namespace is decided now: earlier it would show the way to the group.
        if "cgroup_ns" not in setup.disabled:
            syscalls.unshare(syscalls.CLONE_NEWCGROUP)
    for fd in (asks, answers):
        os.close(fd)
    # 6. Nothing may be gained from here on.
    _harden(setup)
    child.prepare(keep_environment="environment" in setup.disabled)
    _rehearse()
    gc.collect()
    gc.freeze()
    gc.disable()
    heap.fill()
    return proc


def _rehearse() -> None:
    rootfs.fresh_tmp(1 << 20, 64)
    rehearsal.rehearse()
    syscalls.umount("/tmp", syscalls.MNT_DETACH)


def _harden(setup: Setup) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if "pdeathsig" not in setup.disabled:
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    # Off, it is set: a change of uid has cleared it already.
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, int("dumpable" in setup.disabled))
    if "no_new_privs" not in setup.disabled:
        syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    bounding = range(0) if "bounding_set" in setup.disabled else range(_LAST_CAPABILITY + 1)
    for capability in bounding:
        with contextlib.suppress(OSError):
            syscalls.prctl(syscalls.PR_CAPBSET_DROP, capability)
    if "seccomp" not in setup.disabled:
        syscalls.load_filter(filters.zygote_filter(setup.disabled))


def _serve_by_helper(
    loop: serve.Loop, control: socket.socket, setup: Setup, proc: int, shelf: int
) -> NoReturn:
    # All made before the first fork: what a child need not make, it need not copy pages for.
    candidate, tester, plain, live = child.Role.CANDIDATE, child.Role.TESTER, _PLAIN, child.live
    is_candidate, is_tester = serve.CANDIDATE, serve.TESTER
    report = Report(child.REPORT_FD)
    loop.use(proc)
    function, places = loop.function, loop.places
    while True:
        turn = function(*places)
        if turn == is_candidate:
            live(candidate, setup, plain, report)
        if turn == is_tester:
            live(tester, setup, plain, report)
        if turn == serve.FAILED:
            child.give_notice(report if loop.reportable else None, loop.error)
        if turn == serve.CLOSED:
            os._exit(0)
        _serve_one(control, setup, proc, shelf, Order.from_bytes(loop.packet), loop.fds)


def _serve(control: socket.socket, setup: Setup, proc: int, shelf: int) -> NoReturn:
    keep_tmp = "private_tmp" in setup.disabled
    mounted = False
    while True:
        packet, fds, _, _ = socket.recv_fds(control, 4096, 8)
        if not packet:
            os._exit(0)
        if packet[:1] != RUN:
            continue
        if keep_tmp and not mounted:
            rootfs.fresh_tmp(_UNLIMITED, _UNLIMITED)
            mounted = True
        _serve_one(control, setup, proc, shelf, Order.from_bytes(packet), fds)


def _serve_one(
    control: socket.socket, setup: Setup, proc: int, shelf: int, order: Order, fds: list[int]
) -> None:
    keep_tmp = "private_tmp" in setup.disabled
    if not keep_tmp:
        rootfs.fresh_tmp(
            _UNLIMITED if "tmp_size" in setup.disabled else order.tmp_bytes,
            _UNLIMITED if "tmp_inodes" in setup.disabled else order.tmp_inodes,
            setup.disabled,
        )
    if order.environment != NO_ENVIRONMENT:
        packages.show(shelf, order.environment)
    ending = _Run(control, setup, order, proc).to_its_end(fds)
    if order.environment != NO_ENVIRONMENT and "packages_hidden" not in setup.disabled:
        packages.hide()
    if not keep_tmp:
        # Before the ending is told: what lay there counts as memory of the group until now.
        syscalls.umount("/tmp", syscalls.MNT_DETACH)
    control.send(ending.to_bytes())


def _pause_ms(left_us: int) -> int:
    """Until the earliest moment at which that much CPU time can be used, but soon."""
    return min(_REAP_EVERY_MS, max(1, left_us // _CPUS // 1000))


class _Run:
    """One run, from its fork to the moment when nothing of it is left."""

    def __init__(self, control: socket.socket, setup: Setup, order: Order, proc: int) -> None:
        self._control = control
        self._setup = setup
        self._order = order
        self._proc = proc
        self._cpu_us = 0
        self._peak_bytes = 0
        self._status: int | None = None
        self._killed = False
        self._clocks: list[int] = []

    def to_its_end(self, fds: list[int]) -> Ending:
        main = self._start(fds)
        self._wait(main)
        survivors = not self._killed and not self._ended_by_themselves(main)
        if "clean_up" not in self._setup.disabled:
            self._kill_all(main)
        if self._order.collect:
            leave.show(self._control)
        stat = os.statvfs("/tmp")
        return Ending(
            status=self._status if self._status is not None else -1,
            cpu_us=self._cpu_us,
            peak_bytes=self._peak_bytes,
            killed=self._killed,
            survivors=survivors,
            disk_full=stat.f_bavail == 0 or stat.f_ffree == 0,
        )

    def _start(self, fds: list[int]) -> int:
        """Fork the child, and in split mode the tester, whose end is then the run's."""
        job, report, stdin, stdout, stderr, *tester = fds
        run = child.Descriptors(job, report, stdin, stdout, stderr, -1)
        if self._order.interactive:
            return self._start_pair(run, tester, fds)
        pairs: list[socket.socket] = []
        if tester:
            pairs = list(socket.socketpair())
            run = run._replace(call=pairs[0].fileno())
        main = self._fork(run, child.Role.CANDIDATE)
        if tester:
            null = os.open("/dev/null", os.O_RDWR)
            main = self._fork(
                child.Descriptors(tester[0], tester[1], null, null, null, pairs[1].fileno()),
                child.Role.TESTER,
            )
            os.close(null)
        for pair in pairs:
            pair.close()
        for fd in fds:
            os.close(fd)
        return main

    def _start_pair(self, run: child.Descriptors, tester: list[int], fds: list[int]) -> int:
        """Two programs joined by pipes; the interactor's end is the run's, its stderr is the run's stdout."""
        to_candidate, from_candidate = os.pipe(), os.pipe()
        candidate = run._replace(stdin=to_candidate[0], stdout=from_candidate[1])
        judge = run._replace(job=tester[0], report=tester[1], stderr=run.stdout)
        self._fork(candidate, child.Role.CANDIDATE)
        main = self._fork(judge._replace(stdin=from_candidate[0], stdout=to_candidate[1]), child.Role.TESTER)
        for fd in (*to_candidate, *from_candidate, *fds):
            os.close(fd)
        return main

    def _fork(self, descriptors: child.Descriptors, role: child.Role) -> int:
        pid = syscalls.fork()
        if pid == 0:
            child.main(descriptors, role, self._setup, self._order, self._proc)
        self._clocks.append(~pid << 3 | _CPUCLOCK_SCHED)
        return pid

    def _wait(self, main: int) -> None:
        poll = select.poll()
        pidfd = os.pidfd_open(main)
        try:
            poll.register(pidfd, select.POLLIN)
            poll.register(self._control, select.POLLIN)
            left_us = self._order.cpu_us
            while self._status is None:
                for fd, _ in poll.poll(_pause_ms(left_us)):
                    if fd == self._control.fileno():
                        self._obey(main)
                if not self._reap(main) and not (left_us := self._left_us()):
                    self._kill_all(main)
        finally:
            os.close(pidfd)

    def _left_us(self) -> int:
        """CPU time that the main process which has used most may still use, all its threads together."""
        if "rlimits" in self._setup.disabled:
            return self._order.cpu_us
        used_ns = 0
        for clock in list(self._clocks):
            try:
                used_ns = max(used_ns, time.clock_gettime_ns(clock))
            except OSError:
                self._clocks.remove(clock)
        return max(0, self._order.cpu_us - used_ns // 1000)

    def _obey(self, main: int) -> None:
        packet = self._control.recv(16)
        if not packet:
            os._exit(0)
        if packet == KILL:
            self._killed = True
            self._kill_all(main)

    def _reap(self, main: int) -> bool:
        """Take what has ended. True when no process of the run is left."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return False
            self._note(pid == main, status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)

    def _note(self, is_main: bool, status: int, cpu_s: float, peak_kib: int) -> None:
        if is_main:
            self._status = status
        self._cpu_us += int(cpu_s * 1e6)
        self._peak_bytes = max(self._peak_bytes, peak_kib * 1024)

    def _ended_by_themselves(self, main: int) -> bool:
        waited_s = 0.0
        # In split mode the candidate ends in a fraction of a millisecond: looked for soon, then less often.
        step_s = _FIRST_STEP_S
        while not self._reap(main):
            if waited_s >= _GRACE_S:
                return False
            if select.select([self._control], [], [], step_s)[0]:
                self._obey(main)
            waited_s += step_s
            step_s = min(2 * step_s, _LAST_STEP_S)
        return True

    def _kill_all(self, main: int) -> None:
        """Step 8: from pid 1, kill(-1) reaches every process of the namespace, forks in flight included."""
        while True:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
            try:
                pid, status, usage = os.wait4(-1, 0)
            except ChildProcessError:
                return
            self._note(pid == main, status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
