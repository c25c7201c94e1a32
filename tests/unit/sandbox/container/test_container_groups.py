"""The groups of containers: what process 1 holds anyway is not the program's."""

from __future__ import annotations

from pathlib import Path

import pytest

from qlayer.sandbox.cgroup import Controller
from qlayer.sandbox.container.groups import EnclosingMemoryGroup, MemoryGroup, SampledTasks, of_process

FILES = {
    1: {
        "memory.usage_in_bytes": "70000000\n",
        "memory.stat": "cache 1\ntotal_active_file 4000000\ntotal_inactive_file 6000000\n",
        "memory.limit_in_bytes": "1000000000\n",
        "memory.max_usage_in_bytes": "150000000\n",
        "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n",
    },
    2: {
        "memory.current": "70000000\n",
        "memory.stat": "anon 1\nactive_file 4000000\ninactive_file 6000000\n",
        "memory.max": "max\n",
        "memory.peak": "150000000\n",
        "memory.events": "oom 0\noom_kill 0\n",
        "cpu.stat": "usage_usec 5000000\n",
    },
}


def group(folder: Path, version: int, kind: type[MemoryGroup] = MemoryGroup) -> MemoryGroup:
    place = folder / "container"
    place.mkdir()
    for name, text in FILES[version].items():
        (place / name).write_text(text)
    return kind(Controller("memory", version, folder), "container")


@pytest.mark.parametrize(("version", "limit"), [(1, "memory.limit_in_bytes"), (2, "memory.max")])
def test_the_limit_is_the_programs_alone(tmp_path: Path, version: int, limit: str) -> None:
    memory = group(tmp_path, version)
    memory.limit(100_000_000)
    # 60 MB stand already: 70 in use, 10 of them files that the kernel drops when memory is short.
    assert (tmp_path / "container" / limit).read_text() == "160000000"
    memory.remove()


def test_the_peak_is_the_programs_alone(tmp_path: Path) -> None:
    memory = group(tmp_path, 1)
    memory.limit(100_000_000)
    (tmp_path / "container/memory.max_usage_in_bytes").write_text("150000000\n")
    assert memory.counters().peak_bytes == 90_000_000
    memory.remove()


def test_a_group_around_a_kernel_charges_no_cpu_time(tmp_path: Path) -> None:
    own, around = tmp_path / "own", tmp_path / "around"
    own.mkdir()
    around.mkdir()
    plain, enclosing = group(own, 2), group(around, 2, EnclosingMemoryGroup)
    assert (plain.counters().cpu_us, enclosing.counters().cpu_us) == (5_000_000, 0)
    plain.remove()
    enclosing.remove()


def test_sampled_tasks_add_up() -> None:
    tasks = SampledTasks()
    before = tasks.counters()
    tasks.add(0)
    assert tasks.counters().since(before).forks_refused == 0
    tasks.add(1)
    assert tasks.counters().since(before).forks_refused == 1


def test_a_process_that_is_not_there_is_in_no_group() -> None:
    assert of_process(2**22 - 1) == {}
