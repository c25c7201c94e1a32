"""The parent of everything that a local stack runs: ``python -m qlayer.app.supervisor COMMAND...``.

It makes itself the reaper of all its descendants, so that a process which leaves its parent (Ray's workers
and agents do) still belongs to it. When the command ends, or when it is told to stop (SIGTERM), it ends every
descendant before it goes itself: asked first, killed after a grace. Should it be killed, the kernel kills the
command with it, and `qlayer down` finds the rest by their marker. Standard library only.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

from qlayer.app.proc import descendants, send

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_GRACE_S = 3.0
_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD}


def main(command: list[str]) -> int:
    """Run `command` until it ends or we are told to stop; return its exit status, 0 when told to stop."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)

    def die_with_supervisor() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)

    child = subprocess.Popen(  # this process has one thread, so the hook is safe
        command,
        stdin=subprocess.DEVNULL,
        preexec_fn=die_with_supervisor,  # noqa: PLW1509
    )
    status = _watch(child.pid)
    _end_descendants()
    return status


def _watch(child: int) -> int:
    while True:
        signum = signal.sigwait(_SIGNALS)
        if signum != signal.SIGCHLD:
            return 0
        status = _reap().get(child)
        if status is not None:
            return status


def _reap() -> dict[int, int]:
    """Exit status by process id of every child that has ended."""
    ended: dict[int, int] = {}
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            ended[pid] = os.waitstatus_to_exitcode(status)
    return ended


def _end_descendants() -> None:
    deadline = time.monotonic() + _GRACE_S
    send(descendants(os.getpid()), signal.SIGTERM)
    while descendants(os.getpid()) and time.monotonic() < deadline:
        _reap()
        time.sleep(0.05)
    while left := descendants(os.getpid()):
        send(left, signal.SIGKILL)
        _reap()
        time.sleep(0.02)
    _reap()


if __name__ == "__main__":
    sys.exit(abs(main(sys.argv[1:])))
