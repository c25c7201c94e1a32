"""Kill -9 in mid-batch: a supervisor, a zygote, a raylet. Counts what was lost or doubled, times the orphans.

A Ray of two nodes is started on this machine on loopback, with one supervisor on each. For each victim a
batch runs; after a third of it the victim is killed, and everything below it must be gone by itself.

    python -m jobs.kill_matrix --programs 1000
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # misnamed: keeps Ray on loopback; read on import
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import ray
import typer
from ray.cluster_utils import Cluster

from qlayer.app.grading import SandboxWorkers, Task, result_of
from qlayer.app.proc import Process, alive, descendants, read_process
from qlayer.app.settings import Settings, load_settings
from qlayer.errors import QlayerError, SandboxError
from qlayer.executor.base import Answer, Item
from qlayer.executor.ray import RayConfig, RayExecutor, SupervisorInfo
from qlayer.sandbox.base import Limits, ProgramJob, SandboxResult
from qlayer.types.frozen import Frozen
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Outcome

ORPHANS_S = 2.0
"""What is below a killed supervisor must be gone within this."""
_PATIENCE_S = 60.0
_LIMITS = Limits(wall_s=60, cpu_s=30)
MiB = 1024 * 1024


class Victim(StrEnum):
    SUPERVISOR = "supervisor"
    ZYGOTE = "zygote"
    RAYLET = "raylet"


class Row(Frozen):
    victim: Victim
    programs: int
    lost: int
    doubled: int
    not_accepted: int
    processes: int
    """Below the victim when it was killed, itself included."""
    orphans_s: float
    """Until the last of them was gone."""
    batch_s: float

    @property
    def good(self) -> bool:
        return not (self.lost or self.doubled or self.not_accepted) and self.orphans_s <= ORPHANS_S


@contextmanager
def two_nodes() -> Iterator[Cluster]:
    """Two raylets with a CPU each; this process hangs on the first."""
    with tempfile.TemporaryDirectory(prefix="qk-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        common: dict[str, Any] = {
            "num_cpus": 1,
            "node_ip_address": "127.0.0.1",
            "object_store_memory": 100 * MiB,
        }
        head = {"temp_dir": folder, "include_dashboard": False, "_system_config": {"worker_niceness": 0}}
        cluster = Cluster(initialize_head=True, head_node_args=common | head)
        try:
            cluster.add_node(**common)
            ray.init(address=cluster.address, log_to_driver=False, configure_logging=False)
            yield cluster
        finally:
            ray.shutdown()
            cluster.shutdown()  # type: ignore[no-untyped-call]


def program(number: int) -> Task:
    source = f"import time\ntime.sleep(0.005)\nprint({number})\n"
    job = ProgramJob(
        tree=SourceTree().with_files({"main.py": source}),
        path="main.py",
        expected_stdout=f"{number}\n".encode(),
    )
    return Task(job, _LIMITS)


class Strike:
    """One kill, and the watch over what was below it."""

    def __init__(self, pid: int) -> None:
        victim = read_process(pid)
        if victim is None:
            raise SandboxError(f"the victim {pid} is gone already")
        self.below: list[Process] = [victim, *descendants(pid)]
        self.seconds = float("inf")
        os.kill(pid, signal.SIGKILL)
        self._struck = time.monotonic()

    async def watch(self) -> None:
        """Until all are gone, or the patience is at its end."""
        while any(alive(process.pid, process.started) for process in self.below):
            if time.monotonic() - self._struck > _PATIENCE_S:
                self._complain()
                return
            await asyncio.sleep(0.005)
        self.seconds = time.monotonic() - self._struck

    def _complain(self) -> None:
        for process in self.below:
            if alive(process.pid, process.started):
                words = Path(f"/proc/{process.pid}/cmdline").read_text().replace("\0", " ")
                typer.echo(f"still there: {process.pid} {words[:300]}", err=True)


async def kill_in_mid_batch(
    executor: RayExecutor[Task, SandboxResult], victim: Victim, cluster: Cluster, numbers: range
) -> Row:
    """One batch with one kill after a third of its answers."""
    answers: list[Answer[SandboxResult]] = []
    watching: asyncio.Task[None] | None = None
    struck: Strike | None = None

    async def items() -> AsyncIterator[Item[Task]]:
        for number in numbers:
            yield program(number).item()

    started = time.monotonic()
    async with aclosing(executor.run(items())) as found:
        async for answer in found:
            answers.append(answer)
            if struck is None and len(answers) >= len(numbers) // 3:
                struck = Strike(_pid_of(victim, cluster, executor.supervisors))
                watching = asyncio.create_task(struck.watch())
    batch_s = time.monotonic() - started
    assert struck is not None
    assert watching is not None
    await watching
    counts = Counter(answer.position for answer in answers)
    outcomes = [result_of(answer.result).verdict.outcome for answer in answers]
    return Row(
        victim=victim,
        programs=len(numbers),
        lost=len(numbers) - len(counts),
        doubled=sum(count > 1 for count in counts.values()),
        not_accepted=sum(outcome is not Outcome.ACCEPTED for outcome in outcomes),
        processes=len(struck.below),
        orphans_s=struck.seconds,
        batch_s=batch_s,
    )


async def run_matrix(settings: Settings, cluster: Cluster, programs: int) -> list[Row]:
    sandbox = settings.sandbox.model_copy(update={"workers": 1})
    workers = SandboxWorkers(settings.model_copy(update={"sandbox": sandbox}))
    rows = []
    for number, victim in enumerate(Victim):
        executor: RayExecutor[Task, SandboxResult] = RayExecutor(workers, RayConfig(workers=1, supervisors=2))
        async with executor:
            await _both_up(executor)
            numbers = range(number * programs, (number + 1) * programs)
            rows.append(await kill_in_mid_batch(executor, victim, cluster, numbers))
    return rows


async def _both_up(executor: RayExecutor[Task, SandboxResult]) -> None:
    async with asyncio.timeout(_PATIENCE_S):
        while len(executor.supervisors) < 2:  # noqa: ASYNC110 - they come up in other processes
            await asyncio.sleep(0.05)


def _pid_of(victim: Victim, cluster: Cluster, supervisors: tuple[SupervisorInfo, ...]) -> int:
    """The process to kill; of the raylets the one that this process does not hang on."""
    (other,) = cluster.worker_nodes
    supervisor = next(one for one in supervisors if one.node == other.node_id)
    match victim:
        case Victim.SUPERVISOR:
            return supervisor.pid
        case Victim.ZYGOTE:
            below = descendants(supervisor.pid)
            keeper = next(one for one in below if one.parent == supervisor.pid and _children(one.pid, below))
            return _children(keeper.pid, below)[0]
        case Victim.RAYLET:
            return int(other.all_processes["raylet"][0].process.pid)


def _children(pid: int, processes: list[Process]) -> list[int]:
    return [process.pid for process in processes if process.parent == pid]


def main(
    programs: Annotated[int, typer.Option(min=30, help="programs of each batch")] = 1_000,
    json_file: Annotated[Path | None, typer.Option("--json", help="write the rows there")] = None,
) -> None:
    """Status 1 when anything was lost or doubled, or an orphan lived for more than two seconds."""
    try:
        with two_nodes() as cluster:
            rows = asyncio.run(run_matrix(load_settings(), cluster, programs))
    except QlayerError as error:
        typer.echo(f"error: {error.message}", err=True)
        raise typer.Exit(error.exit_code) from None
    typer.echo("killed      programs  lost  doubled  not accepted  processes below  orphans gone s  batch s")
    for row in rows:
        typer.echo(
            f"{row.victim:10}  {row.programs:8}  {row.lost:4}  {row.doubled:7}  {row.not_accepted:12}"
            f"  {row.processes:15}  {row.orphans_s:14.3f}  {row.batch_s:7.1f}"
        )
    if json_file is not None:
        json_file.write_text("".join(row.model_dump_json() + "\n" for row in rows), encoding="utf-8")
    raise typer.Exit(0 if all(row.good for row in rows) else 1)


if __name__ == "__main__":
    typer.run(main)
