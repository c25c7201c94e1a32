"""Test-only: which refused system calls each finer switch of the hostile tests lets through.

A program of the corpus must succeed with one group open and fail with it closed; that shows which part of
the allowlist stops it. Nothing here is read unless a sandbox was made with `unsafe_disabled`. Numbers are
those of x86_64 (asm/unistd_64.h).
"""

from __future__ import annotations

from collections.abc import Iterable

ARCHITECTURE = "filter_architecture"
"""Off: calls of another architecture are let through."""
DEFAULT = "filter_default"
"""Off: calls that nothing names are let through."""
GROUPS: dict[str, frozenset[int]] = {
    # clone, clone3, unshare, setns
    "filter_namespaces": frozenset({56, 435, 272, 308}),
    # socket, socketpair
    "filter_sockets": frozenset({41, 53}),
    # ptrace, process_vm_readv, process_vm_writev, kcmp, pidfd_getfd
    "filter_inspection": frozenset({101, 310, 311, 312, 438}),
    # add_key, request_key, keyctl
    "filter_keys": frozenset({248, 249, 250}),
    # shmget, shmat, shmctl, semget, semop, semctl, shmdt, msgget, msgsnd, msgrcv, msgctl, mq_open, mq_unlink
    "filter_ipc": frozenset({29, 30, 31, 64, 65, 66, 67, 68, 69, 70, 71, 240, 241}),
    # memfd_create, memfd_secret
    "filter_anonymous_files": frozenset({319, 447}),
    # io_uring_setup, io_uring_enter, io_uring_register, userfaultfd
    "filter_asynchronous": frozenset({425, 426, 427, 323}),
    # sched_setparam, sched_setscheduler, ioprio_set, sched_setattr, setpriority
    "filter_scheduling": frozenset({142, 144, 251, 314, 141}),
    # modify_ldt, set_mempolicy, mbind, migrate_pages, vmsplice, move_pages
    "filter_memory": frozenset({154, 238, 237, 256, 278, 279}),
    # ioctl
    "filter_terminal": frozenset({16}),
    # prlimit64, sched_setaffinity
    "filter_others": frozenset({302, 203}),
    "filter_prctl": frozenset({157}),
    "filter_personality": frozenset({135}),
    # fanotify_init, landlock_create_ruleset
    "filter_watching": frozenset({300, 444}),
    ARCHITECTURE: frozenset(),
    DEFAULT: frozenset(),
}


def let_through(disabled: Iterable[str]) -> frozenset[int]:
    """Numbers of the calls that the disabled groups would have refused."""
    return frozenset().union(*(GROUPS.get(name, frozenset()) for name in disabled))
