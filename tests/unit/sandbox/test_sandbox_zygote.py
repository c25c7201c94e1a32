"""What the zygote's code may load, and the small formats that it shares with the host."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

import qlayer
from qlayer.sandbox import interpreter
from qlayer.sandbox.warm.drain import Budget, Drain
from qlayer.sandbox.zygote import mishap, pid1
from qlayer.sandbox.zygote.job import Job
from qlayer.sandbox.zygote.protocol import WORK, Ending, Order, Setup

ROOT = str(Path(qlayer.__file__).parents[1])


def test_the_zygote_loads_the_standard_library_only() -> None:
    code = (
        f"import sys; sys.path.append({ROOT!r}); import qlayer.sandbox.zygote.keeper, json; "
        "print(json.dumps([m for m in sys.modules if m.startswith('qlayer')])); "
        "own = {m.split('.')[0] for m in sys.modules} - {'qlayer', '__main__'}; "
        "assert own <= set(sys.stdlib_module_names)"
    )
    done = subprocess.run(
        [interpreter.base_executable(), "-I", "-S", "-B", "-c", code],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout))
    assert {name for name in loaded if not name.startswith("qlayer.sandbox.zygote")} == {
        "qlayer",
        "qlayer.sandbox",
        "qlayer.sandbox.wire",
    }


def test_what_is_visible_inside_is_the_interpreter_and_the_named_packages() -> None:
    names = {Path(source).name for source, _ in interpreter.binds()}
    assert {"fastapi", "pydantic", "pydantic_core", "httpx", "pytest", "_pytest", "starlette"} <= names
    assert not {"qlayer", "ray", "sqlalchemy", "site-packages"} & names
    targets = [target for _, target in interpreter.binds()]
    assert all(Path(path).is_absolute() for path in (*targets, *interpreter.search_path()))
    assert len(targets) == len(set(targets))
    assert not any(target.startswith(("/tmp/", "/proc/", "/dev/")) for target in targets)
    assert ROOT not in interpreter.search_path()


def test_packets_round_trip() -> None:
    order = Order(True, 5, 256, 64, 1 << 33, 1 << 40, 16_384, 1 << 40)
    ending = Ending(-1, 1 << 40, 1 << 40, True, False, True)
    setup = Setup(
        ["seccomp"], True, [("/usr/lib", "/opt/lib")], ["/x"], ["json"], ["/sys/fs/cgroup/x"], 0x6FFE0000
    )
    assert Order.from_bytes(order.to_bytes()) == order
    assert Ending.from_bytes(ending.to_bytes()) == ending
    assert Setup.from_bytes(setup.to_bytes()) == setup


def test_a_job_round_trips_with_any_bytes() -> None:
    job = Job("call", "nonce", {"cases": []}, {"a.py": b"\n\0\xff", "b/c.txt": b"", "d": b"x\ny"})
    assert Job.from_bytes(job.to_bytes()) == job


class Rude(Exception):
    def __str__(self) -> str:
        raise KeyboardInterrupt


def test_a_rude_exception_is_described_all_the_same() -> None:
    described = mishap.describe(Rude())
    assert (described["type"], described["message"]) == ("Rude", "(its message cannot be read)")
    assert described["bases"][-1] == "object"


def test_the_place_of_an_error_is_the_innermost_line_of_the_tree() -> None:
    space: dict[str, object] = {}
    exec(compile("def f():\n    return int('x')\n", f"{WORK}/pkg/m.py", "exec"), space)
    with pytest.raises(ValueError, match="invalid literal") as caught:
        space["f"]()  # type: ignore[operator]
    described = mishap.describe(caught.value)
    assert (described["path"], described["line"]) == ("pkg/m.py", 2)
    assert WORK not in described["traceback"]


def test_a_drain_keeps_the_first_bytes_counts_all_and_calls_once() -> None:
    calls: list[int] = []
    budget = Budget(10, lambda: calls.append(1))
    first, second = Drain(budget), Drain(budget)
    os.write(first.write_fd, b"123456")
    os.write(second.write_fd, b"abcdefgh")
    assert first.read() and second.read()
    os.write(first.write_fd, b"more")
    assert first.read() and not first.read()
    assert (first.data, second.data, budget.drained_bytes, calls) == (b"123456", b"abcd", 18, [1])
    for drain in (first, second):
        drain.release_writer()
        drain.read_rest()
        drain.close()
    assert first.data == second.data == b"", "let go of with the run"


@pytest.mark.parametrize(("left_ms", "pause_ms"), [(10_000, 50), (40, 20), (3, 1), (0.1, 1), (0, 1)])
def test_the_zygote_looks_at_the_cpu_clock_when_the_time_can_be_used_up(
    monkeypatch: pytest.MonkeyPatch, left_ms: float, pause_ms: int
) -> None:
    monkeypatch.setattr(pid1, "_CPUS", 2)
    assert pid1._pause_ms(int(left_ms * 1000)) == pause_ms


def test_exactly_the_budget_is_not_over() -> None:
    budget = Budget(4, pytest.fail)
    assert budget.take(4) == 4
    assert not budget.over
