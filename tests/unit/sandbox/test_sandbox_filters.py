"""The seccomp programs, interpreted here as the kernel would, for calls that matter."""

from __future__ import annotations

import struct

import pytest

from qlayer.sandbox.zygote import filters
from qlayer.sandbox.zygote.calls import AUDIT_ARCH, NUMBERS

ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
EPERM, ENOSYS = ERRNO | 1, ERRNO | 38


def answer(program: bytes, number: int, *args: int, arch: int = AUDIT_ARCH["x86_64"]) -> int:
    """Run a classic BPF program over one `struct seccomp_data`."""
    six = [*args, *[0] * (6 - len(args))]
    data = struct.pack("<IIQ6Q", number, arch, 0, *(value & (2**64 - 1) for value in six))
    lines = [struct.unpack_from("<HBBI", program, at) for at in range(0, len(program), 8)]
    value = at = 0
    while True:
        code, if_true, if_false, k = lines[at]
        at += 1
        if code == 0x20:
            (value,) = struct.unpack_from("<I", data, k)
        elif code == 0x06:
            return int(k)
        else:
            holds = {0x15: value == k, 0x35: value >= k, 0x45: bool(value & k)}[code]
            at += if_true if holds else if_false


@pytest.fixture(autouse=True)
def on_x86(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "_machine", lambda: "x86_64")


def x86(name: str, *args: int) -> int:
    return answer(filters.zygote_filter(), NUMBERS["x86_64"][name], *args)


@pytest.mark.parametrize("name", ["read", "write", "openat", "mmap", "futex", "execve", "kill", "exit_group"])
def test_ordinary_calls_are_allowed(name: str) -> None:
    assert x86(name) == ALLOW
    assert answer(filters.child_filter(), NUMBERS["x86_64"][name]) == ALLOW


UNSHARE, PTRACE, BPF, KEYCTL, IO_URING, USERFAULTFD, SHMGET = 272, 101, 321, 250, 425, 323, 29


@pytest.mark.parametrize("number", [UNSHARE, PTRACE, BPF, KEYCTL, IO_URING, USERFAULTFD, SHMGET, 9_999])
def test_unnamed_calls_are_refused(number: int) -> None:
    assert answer(filters.zygote_filter(), number) == EPERM


def test_calls_with_arguments_out_of_reach_are_pretended_missing() -> None:
    for name in ("clone3", "openat2", "memfd_create"):
        assert x86(name) == ENOSYS


def test_a_foreign_architecture_is_killed_and_x32_is_unknown() -> None:
    i386 = 0x40000003
    assert answer(filters.zygote_filter(), 1, arch=i386) == KILL
    assert answer(filters.zygote_filter(), 0x40000000 | 1) == EPERM


@pytest.mark.parametrize("flag", [0x00020000, 0x10000000, 0x20000000, 0x40000000, 0x80])
def test_clone_makes_threads_and_processes_but_no_namespace(flag: int) -> None:
    threads = 0x3D0F00
    assert x86("clone", threads) == ALLOW
    assert x86("clone", threads | flag) == EPERM


def test_sockets_are_local_only() -> None:
    for name in ("socket", "socketpair"):
        assert x86(name, 1) == ALLOW
        assert [x86(name, family) for family in (2, 10, 16, 17, 40)] == [EPERM] * 5


def test_limits_and_affinity_only_of_oneself() -> None:
    for name in ("prlimit64", "sched_setaffinity"):
        assert x86(name, 0) == ALLOW
        assert x86(name, 1) == EPERM


def test_no_input_is_injected_into_a_terminal() -> None:
    assert x86("ioctl", 0, 0x5401) == ALLOW
    assert x86("ioctl", 0, 0x5412) == EPERM


def test_personality_may_be_asked_but_not_changed() -> None:
    assert x86("personality", 0xFFFFFFFF) == ALLOW
    assert x86("personality", 0x0040000) == EPERM
    assert x86("personality", 0x1_FFFF_FFFF) == EPERM


@pytest.mark.parametrize("name", ["mount", "umount2", "setresuid", "setuid", "capset", "seccomp"])
def test_what_only_the_zygote_needs_is_taken_from_children(name: str) -> None:
    assert x86(name) == ALLOW
    assert answer(filters.child_filter(), NUMBERS["x86_64"][name]) == EPERM


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_both_tables_assemble(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "_machine", lambda: machine)
    program = filters.zygote_filter()
    assert len(program) // 8 < 4096
    read = NUMBERS[machine]["read"]
    assert answer(program, read, arch=AUDIT_ARCH[machine]) == ALLOW
    assert answer(program, NUMBERS[machine]["clone"], 0x10000000, arch=AUDIT_ARCH[machine]) == EPERM


def test_a_machine_without_a_table_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(filters, "NUMBERS", {})
    with pytest.raises(OSError, match="no table"):
        filters.zygote_filter()
