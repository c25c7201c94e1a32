"""The two seccomp programs, assembled here: what the zygote may call, and what its children then may not.

The first is an allowlist and stays in force for good. Unknown calls answer EPERM; a foreign architecture is
killed; calls whose arguments cannot be checked (clone3, openat2) answer ENOSYS, so that libc falls back to
those that can. Numbers are compared whole: those of the x32 convention are unknown calls. The second denies,
in each child, what only the zygote needs.
Source of the layout: linux/seccomp.h, linux/filter.h.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Collection

from qlayer.sandbox.zygote import weaken
from qlayer.sandbox.zygote.calls import ALLOWED, AUDIT_ARCH, NUMBERS, PRETENDED_MISSING, ZYGOTE_ONLY

_LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_JUMP_ANY_BIT = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K
_ALLOW = 0x7FFF0000
_KILL_PROCESS = 0x80000000
_ERRNO = 0x00050000
_EPERM, _ENOSYS = 1, 38
_NUMBER_AT, _ARCH_AT = 0, 4

_AF_UNIX = 1
_NEW_NAMESPACES = 0x7E020080
"""Every CLONE_NEW* flag, the time namespace (0x80) included."""
_TTY_INJECTION = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX: input put into a terminal."""
_PRIVILEGED_PRCTL = (28, 35, 62)
"""PR_SET_SECUREBITS, PR_SET_MM, PR_SCHED_CORE."""


def zygote_filter(disabled: Collection[str] = ()) -> bytes:
    """The allowlist. Raises OSError on an architecture without a table.

    `disabled` names groups of refusals that are left out (tests only).
    """
    machine = _machine()
    numbers = NUMBERS[machine]
    lines = [
        _line(_LOAD, _ARCH_AT),
        _line(_JUMP_EQUAL, AUDIT_ARCH[machine], 1, 0),
        _line(_RETURN, _ALLOW if weaken.ARCHITECTURE in disabled else _KILL_PROCESS),
        _line(_LOAD, _NUMBER_AT),
    ]
    for number in sorted(weaken.let_through(disabled)):
        lines += _answer(number, _ALLOW)
    for name in sorted(PRETENDED_MISSING & numbers.keys()):
        lines += _answer(numbers[name], _ERRNO | _ENOSYS)
    for name, rule in sorted(_CHECKED.items()):
        if name in numbers:
            lines += _guarded(numbers[name], rule())
    for name in sorted((ALLOWED | ZYGOTE_ONLY) & numbers.keys()):
        lines += _answer(numbers[name], _ALLOW)
    refusal = _ALLOW if weaken.DEFAULT in disabled else _ERRNO | _EPERM
    return b"".join([*lines, _line(_RETURN, refusal)])


def child_filter() -> bytes:
    """What is taken away in a child, on top of the allowlist."""
    numbers = NUMBERS[_machine()]
    lines = [_line(_LOAD, _NUMBER_AT)]
    for name in sorted(ZYGOTE_ONLY & numbers.keys()):
        lines += _answer(numbers[name], _ERRNO | _EPERM)
    return b"".join([*lines, _line(_RETURN, _ALLOW)])


def filter_digest() -> str:
    """``sha256:...`` over both programs, for the evidence."""
    import hashlib  # OpenSSL with it: the host alone asks, and a zygote copies its mappings at every fork

    return "sha256:" + hashlib.sha256(zygote_filter() + child_filter()).hexdigest()


def _machine() -> str:
    machine = os.uname().machine
    if machine not in NUMBERS:
        raise OSError(_ENOSYS, f"seccomp: no table of system calls for {machine}")
    return machine


def _line(code: int, k: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, k)


def _answer(number: int, action: int) -> list[bytes]:
    return [_line(_JUMP_EQUAL, number, 0, 1), _line(_RETURN, action)]


def _guarded(number: int, rule: list[bytes]) -> list[bytes]:
    """Run a rule (which always returns) for one system call only."""
    return [_line(_JUMP_EQUAL, number, 0, len(rule)), *rule]


def _low_half(argument: int) -> bytes:
    return _line(_LOAD, 16 + 8 * argument)


def _high_half(argument: int) -> bytes:
    return _line(_LOAD, 20 + 8 * argument)


def _allow_only(argument: int, value: int) -> list[bytes]:
    """Allow when the whole 64-bit argument is the value."""
    return [
        _low_half(argument),
        _line(_JUMP_EQUAL, value, 0, 3),
        _high_half(argument),
        _line(_JUMP_EQUAL, 0, 0, 1),
        _line(_RETURN, _ALLOW),
        _line(_RETURN, _ERRNO | _EPERM),
    ]


def _allow_int_only(argument: int, value: int) -> list[bytes]:
    """Allow when the argument, which the kernel takes as an int, is the value."""
    return [
        _low_half(argument),
        _line(_JUMP_EQUAL, value, 0, 1),
        _line(_RETURN, _ALLOW),
        _line(_RETURN, _ERRNO | _EPERM),
    ]


def _deny_bits(argument: int, bits: int) -> list[bytes]:
    return [
        _low_half(argument),
        _line(_JUMP_ANY_BIT, bits, 1, 0),
        _line(_RETURN, _ALLOW),
        _line(_RETURN, _ERRNO | _EPERM),
    ]


def _deny_values(argument: int, values: tuple[int, ...]) -> list[bytes]:
    checks = [line for value in values for line in _answer(value, _ERRNO | _EPERM)]
    return [_low_half(argument), *checks, _line(_RETURN, _ALLOW)]


_CHECKED: dict[str, Callable[[], list[bytes]]] = {
    "clone": lambda: _deny_bits(0, _NEW_NAMESPACES),
    "socket": lambda: _allow_int_only(0, _AF_UNIX),
    "socketpair": lambda: _allow_int_only(0, _AF_UNIX),
    "ioctl": lambda: _deny_values(1, _TTY_INJECTION),
    "prlimit64": lambda: _allow_int_only(0, 0),
    "sched_setaffinity": lambda: _allow_int_only(0, 0),
    "prctl": lambda: _deny_values(0, _PRIVILEGED_PRCTL),
    "personality": lambda: _allow_only(0, 0xFFFFFFFF),
}
"""Calls that are allowed for some arguments: no new namespaces, local sockets, limits of oneself only."""
