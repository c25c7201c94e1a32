"""Cgroups of both versions, on a file tree that looks like the kernel's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from qlayer.sandbox import cgroup
from qlayer.sandbox.cgroup import Controller, Counters, Group


def group(folder: Path, name: str, version: int, **files: str) -> Group:
    made = Group(Controller(name, version, folder), "qlayer-1")
    made.path.mkdir()
    for file, text in files.items():
        (made.path / file.replace("__", ".")).write_text(text)
    return made


def test_memory_of_version_1(tmp_path: Path) -> None:
    own = group(
        tmp_path,
        "memory",
        1,
        memory__limit_in_bytes="9223372036854771712",
        memory__max_usage_in_bytes="7",
        memory__oom_control="oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
    )
    own.limit(1 << 20)
    assert (own.path / "memory.limit_in_bytes").read_text() == str(1 << 20)
    assert own.counters() == Counters(oom_kills=3, peak_bytes=0)


def test_memory_of_version_2(tmp_path: Path) -> None:
    events = "low 0\noom 4\noom_kill 2\n"
    own = group(tmp_path, "memory", 2, memory__max="max", memory__swap__max="max", memory__events=events)
    own.limit(1 << 20)
    assert (own.path / "memory.max").read_text() == str(1 << 20)
    assert (own.path / "memory.swap.max").read_text() == "0"
    assert own.counters().oom_kills == 2


@pytest.mark.parametrize("version", [1, 2])
def test_pids(tmp_path: Path, version: int) -> None:
    own = group(tmp_path, "pids", version, pids__max="max", pids__events="max 7\n")
    own.limit(12)
    assert (own.path / "pids.max").read_text() == "12"
    assert own.counters() == Counters(forks_refused=7)


def test_counters_of_a_group_that_is_gone_are_zero(tmp_path: Path) -> None:
    assert Group(Controller("memory", 1, tmp_path), "qlayer-2").counters() == Counters()


def test_sweeping_takes_groups_of_dead_hosts_only(tmp_path: Path) -> None:
    dead, alive, foreign = f"qlayer-{2**22 + 1}-a-0", f"qlayer-{os.getpid()}-a-0", "qlayer-x"
    for name in (dead, alive, foreign):
        (tmp_path / name).mkdir()
    cgroup.sweep(Controller("pids", 1, tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([alive, foreign])


def hierarchy(folder: Path, monkeypatch: pytest.MonkeyPatch, mounts: str, own: str) -> None:
    (folder / "mountinfo").write_text(mounts)
    (folder / "own").write_text(own)
    monkeypatch.setattr(cgroup, "_MOUNTS", folder / "mountinfo")
    monkeypatch.setattr(cgroup, "_OWN", folder / "own")


def test_version_1_is_found_below_the_own_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mount = tmp_path / "memory"
    (mount / "mine").mkdir(parents=True)
    hierarchy(
        tmp_path,
        monkeypatch,
        f"1 2 0:3 / {mount} rw - cgroup cgroup rw,memory\n",
        "4:memory:/mine\n0::/\n",
    )
    assert list(cgroup.find("memory")) == [Controller("memory", 1, mount / "mine")]
    assert list(cgroup.find("pids")) == []


def test_version_2_offers_the_own_group_and_then_a_sibling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mount = tmp_path / "unified"
    own = mount / "slice" / "mine"
    own.mkdir(parents=True)
    for folder in (own, own.parent):
        (folder / "cgroup.controllers").write_text("cpu memory pids\n")
    hierarchy(tmp_path, monkeypatch, f"1 2 0:3 / {mount} rw - cgroup2 cgroup2 rw\n", "0::/slice/mine\n")
    assert [found.parent for found in cgroup.find("memory")] == [own, own.parent]


def test_kills_are_told_from_those_of_the_host(tmp_path: Path) -> None:
    events = "low 0\nmax 9\noom 0\noom_kill 1\n"
    own = group(tmp_path, "memory", 2, memory__events=events, cpu__stat="usage_usec 1500\nuser_usec 1000\n")
    assert own.counts_cpu
    assert own.counters() == Counters(oom_kills=1, limit_hits=0, cpu_us=1500)


def test_failures_of_version_1_are_of_memory_and_of_memory_with_swap(tmp_path: Path) -> None:
    files = {"memory__oom_control": "oom_kill 1\n", "memory__failcnt": "4", "memory__memsw__failcnt": "3"}
    assert group(tmp_path, "memory", 1, **files).counters().limit_hits == 7


def test_cpu_time_of_version_1(tmp_path: Path) -> None:
    own = group(tmp_path, "cpuacct", 1, cpuacct__usage="2500000\n")
    own.limit(5)
    assert own.counts_cpu and own.counters() == Counters(cpu_us=2500)
    (tmp_path / "other").mkdir()
    assert not group(tmp_path / "other", "pids", 1, pids__events="max 0").counts_cpu


def test_counters_of_groups_add_up_to_one_view() -> None:
    memory = Counters(oom_kills=2, peak_bytes=9, limit_hits=5)
    seen = Counters.together([memory, Counters(forks_refused=3), Counters(cpu_us=40)])
    assert seen == Counters(oom_kills=2, forks_refused=3, peak_bytes=9, limit_hits=5, cpu_us=40)
    assert Counters.together([]) == Counters()


def test_only_what_was_added_since_counts_and_never_less_than_nothing() -> None:
    before = Counters(oom_kills=2, forks_refused=1, peak_bytes=9, limit_hits=5, cpu_us=40)
    after = Counters(oom_kills=3, forks_refused=1, peak_bytes=7, limit_hits=6, cpu_us=90)
    assert after.since(before) == Counters(oom_kills=1, peak_bytes=7, limit_hits=1, cpu_us=50)
    assert Counters().since(before) == Counters()
    assert after.since(Counters(oom_kills=2)).limit_hits == 6
