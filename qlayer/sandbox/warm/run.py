"""One run on one zygote: its descriptors, its clock, its limits, and what was observed of it."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import math
import os
from typing import Literal

from qlayer.sandbox.base import Limits
from qlayer.sandbox.cgroup import Counters
from qlayer.sandbox.config import Control
from qlayer.sandbox.files.collect import Collected, collect_work
from qlayer.sandbox.warm.disturbance import Conditions, conditions_of, cpu_below
from qlayer.sandbox.warm.drain import Budget, Drain
from qlayer.sandbox.warm.observation import Observation, Stop
from qlayer.sandbox.warm.plan import Plan
from qlayer.sandbox.warm.watch import TICK_S, Glance, Watch
from qlayer.sandbox.warm.zygote import KILL_TIMEOUT_S, Zygote, ZygoteDied
from qlayer.sandbox.zygote.protocol import ENDED, FILES, KILL, TAKEN, Ending, Order

REPORT_BYTES = 32 * 1024 * 1024
"""Of one run on the private channel."""
_PAGE = 4096
_TMP_SLACK = 256 * 1024
_TMP_INODES = 16_384
_UNLIMITED_WALL = 60
_CPUS = len(os.sched_getaffinity(0))
_DECIDED = {"memory": Stop.MEMORY, "pids": Stop.PROCESSES}
_ALARM_S = 0.001
"""After an alarm without an event the counters are looked at again, twice as late each time."""
_UNREAD_S = 0.02
"""Output waits in its pipes this long: most runs end before, and watching one costs more than reading it."""
_SHARE_OF_CASES = 0.9
"""Of the time that a run may take; then cases in forks of their own end, before the run is ended."""
_SEALS = 0x1 | 0x2 | 0x4 | 0x8  # F_SEAL_SEAL | SHRINK | GROW | WRITE
_F_ADD_SEALS = 1033


async def observe(
    zygote: Zygote, plan: Plan, limits: Limits, cancel: asyncio.Event | None = None
) -> Observation:
    """One run to its end. Raises `ZygoteDied` when it could not even be handed over.

    Setting `cancel` ends the run, and what was seen of it up to then is given. Cancelling the task instead
    closes the zygote, which kills the run's whole process tree.
    """
    run = _Run(zygote, plan, limits)
    asked = asyncio.create_task(cancel.wait()) if cancel is not None else None
    if asked is not None:
        asked.add_done_callback(run.cancel)
    try:
        return await run.observe()
    except asyncio.CancelledError:
        await asyncio.shield(zygote.close())
        raise
    finally:
        if asked is not None:
            asked.cancel()
        run.close()


class _Run:
    """The descriptors and the clock of one run."""

    def __init__(self, zygote: Zygote, plan: Plan, limits: Limits) -> None:
        self._zygote = zygote
        if "seconds" not in plan.job.body and plan.job.driver == "fresh":
            seconds = _SHARE_OF_CASES * min(limits.wall_s, limits.cpu_s)
            plan = plan._replace(job=plan.job._replace(body={**plan.job.body, "seconds": seconds}))
        self._plan = plan
        self._limits = limits
        self._stop: Stop | None = None
        self._conditions: Conditions | None = None
        self._collected = Collected()
        self._loop = asyncio.get_running_loop()
        guarded = Control.OUTPUT_LIMIT not in zygote.spec.disabled
        self._output = Budget(limits.output_bytes, (lambda: self._end(Stop.OUTPUT)) if guarded else _nothing)
        self._reported = Budget(REPORT_BYTES, lambda: self._end(Stop.REPORT))
        self._stdout, self._stderr = Drain(self._output), Drain(self._output)
        # A wake-up for every report costs more than the report: they are read at each tick and at the end.
        self._report = Drain(self._reported, watched=False)
        self._reports = [self._report]
        if plan.tester is not None:
            self._reports.append(Drain(self._reported, watched=False))
        self._written = (self._stdout, self._stderr)
        self._watched: tuple[Drain, ...] = ()
        self._drains = (*self._written, *self._reports)

    async def observe(self) -> Observation:
        self._set_limits()
        self._before = self._zygote.counters or self._counters()
        counted = any(group.controller.name in _DECIDED for group in self._zygote.spec.groups)
        start = Glance(self._loop.time(), 0, self._cpu_s(self._before.cpu_us))
        self._watch = Watch(self._limits, start, events=counted, cpus=_CPUS)
        self._hand_over()
        wall_s = self._limits.wall_s
        if Control.WALL_LIMIT in self._zygote.spec.disabled:
            wall_s *= _UNLIMITED_WALL
        timer = self._loop.call_later(wall_s, self._end, Stop.WALL)
        self._ticks = self._loop.call_later(min(_UNREAD_S, self._watch.pause_s()), self._first_tick)
        self._zygote.on_alarm = self._on_alarm
        try:
            packet = await self._zygote.next_packet(wall_s + KILL_TIMEOUT_S)
        finally:
            timer.cancel()
            self._ticks.cancel()
            self._zygote.on_alarm = None
        if packet == FILES:
            packet = await self._collect()
        wall_s = self._loop.time() - start.now_s
        self._unwatch()
        for drain in self._drains:
            drain.read_rest()
        ending = Ending.from_bytes(packet) if packet[:1] == ENDED else None
        after = self._zygote.counters = self._counters()
        return self._observation(ending, after.since(self._before), wall_s)

    async def _collect(self) -> bytes:
        """Bring back what the job asked for; the zygote's next word. Nothing of the run is alive."""
        tmp = self._zygote.take_shown()
        if tmp < 0:
            return b""
        # In a thread that closes the descriptor itself: this task may be cancelled meanwhile.
        self._collected = await asyncio.to_thread(collect_work, tmp, self._plan.outputs)
        self._zygote.send(TAKEN)
        return await self._zygote.next_packet(KILL_TIMEOUT_S)

    def _observation(self, ending: Ending | None, counters: Counters, wall_s: float) -> Observation:
        return Observation(
            limits=self._limits,
            ending=ending,
            stop=self._stop,
            counters=counters,
            wall_s=wall_s,
            stdout=self._stdout.data,
            stderr=self._stderr.data,
            output_bytes=self._output.drained_bytes,
            report=self._report.data,
            tester_report=self._reports[-1].data if self._plan.tester is not None else b"",
            check_nonce=Control.NONCE not in self._zygote.spec.disabled,
            collected=self._collected,
            memory_counted="memory" in self._zygote.spec.counted,
            conditions=self._conditions,
        )

    def cancel(self, asked: asyncio.Task[Literal[True]]) -> None:
        """End the run because the caller said so."""
        if not asked.cancelled():
            self._end(Stop.CANCEL)

    def _first_tick(self) -> None:
        for drain in self._written:
            self._loop.add_reader(drain.fd, self._read, drain)
        self._watched = self._written
        self._tick()

    def _unwatch(self) -> None:
        for drain in self._watched:
            self._loop.remove_reader(drain.fd)
        self._watched = ()

    def _tick(self) -> None:
        for drain in self._reports:
            drain.read_rest()
        stop = self._limit_event() or self._watch.look(self._glance())
        if stop is not None:
            self._end(stop)
        else:
            self._ticks = self._loop.call_later(self._watch.pause_s(), self._tick)

    def _on_alarm(self, again_s: float = _ALARM_S) -> None:
        """The kernel may tell of an event a moment before it counts it, and only the counter decides."""
        if self._zygote.on_alarm is None:
            return
        stop = self._limit_event()
        if stop is not None:
            self._end(stop)
        elif again_s < TICK_S:
            self._loop.call_later(again_s, self._on_alarm, 2 * again_s)

    def _limit_event(self) -> Stop | None:
        """What a counter has decided already: no later deed of the run can undo it."""
        for group in self._zygote.spec.groups:
            stop = _DECIDED.get(group.controller.name)
            if stop is Stop.MEMORY and group.events() > self._before.oom_kills:
                return stop
            if stop is Stop.PROCESSES and group.events() > self._before.forks_refused:
                return stop
        return None

    def _glance(self) -> Glance:
        return Glance(self._loop.time(), self._output.drained_bytes, self._cpu_s())

    def _cpu_s(self, known_us: int | None = None) -> float | None:
        """Up to now. `known_us`: as the group has just been read."""
        group = next((group for group in self._zygote.spec.groups if group.counts_cpu), None)
        if group is not None:
            if Control.RLIMITS in self._zygote.spec.disabled:
                return None
            return (group.cpu_us() if known_us is None else known_us) / 1e6
        if self._limits.idle_s is None or self._zygote.pid is None:
            return None
        return cpu_below(self._zygote.pid)

    def _read(self, drain: Drain) -> None:
        drain.read()
        if drain.ended:
            self._loop.remove_reader(drain.fd)

    def _end(self, stop: Stop) -> None:
        if self._stop is None:
            self._stop = stop
            if stop in (Stop.WALL, Stop.IDLE) and self._zygote.pid is not None:
                self._conditions = conditions_of(self._zygote.pid, late_s=self._watch.late_s)
                if self._conditions.zygote_stopped:
                    self._zygote.abandon()
            with contextlib.suppress(ZygoteDied):
                self._zygote.send(KILL)

    def _hand_over(self) -> None:
        """Send the order with its descriptors, and close our copies of those."""
        job, stdin = sealed(self._plan.job.to_bytes()), sealed(self._plan.stdin)
        fds = [job, self._report.write_fd, stdin, self._stdout.write_fd, self._stderr.write_fd]
        extra = [job, stdin]
        if self._plan.tester is not None:
            tester = sealed(self._plan.tester.to_bytes())
            fds += [tester, self._reports[-1].write_fd]
            extra.append(tester)
        try:
            self._zygote.send(self._order().to_bytes(), fds)
        finally:
            for fd in extra:
                os.close(fd)
            for drain in self._drains:
                drain.release_writer()

    def _order(self) -> Order:
        limits = self._limits
        counted = self._zygote.spec.counted
        jobs = [job for job in (self._plan.job, self._plan.tester) if job is not None]
        tree = sum(-(-len(data) // _PAGE) * _PAGE for job in jobs for data in job.files.values())
        tmp_bytes = limits.disk_bytes + tree + _TMP_SLACK
        main_processes = self._plan.main_processes + (self._plan.tester is not None)
        return Order(
            split=self._plan.tester is not None,
            cpu_us=math.ceil(limits.cpu_s * 1e6),
            open_files=limits.open_files,
            processes=0 if "pids" in counted else limits.processes + main_processes,
            data_bytes=0 if "memory" in counted else limits.memory_bytes,
            tmp_bytes=tmp_bytes,
            tmp_inodes=_TMP_INODES + 2 * len(self._plan.job.files),
            file_bytes=tmp_bytes,
            environment=self._plan.environment,
            collect=bool(self._plan.outputs),
            interactive=self._plan.interactive,
        )

    def _set_limits(self) -> None:
        """Raises `ZygoteDied` when the cgroup does not take them."""
        for group in self._zygote.spec.groups:
            # The zygote itself, and in split mode the tester, live in the group too.
            others = self._plan.main_processes + (self._plan.tester is not None)
            value = self._limits.memory_bytes
            if group.controller.name == "pids":
                value = self._limits.processes + others
            try:
                group.limit(value)
            except OSError as error:
                raise ZygoteDied(f"the cgroup refuses its limit: {error}") from None

    def _counters(self) -> Counters:
        return Counters.together(group.counters() for group in self._zygote.spec.groups)

    def close(self) -> None:
        self._unwatch()
        for drain in self._drains:
            drain.close()


def sealed(data: bytes) -> int:
    """A descriptor with these bytes that nobody can change any more."""
    fd = os.memfd_create("qlayer", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]
    os.lseek(fd, 0, os.SEEK_SET)
    fcntl.fcntl(fd, _F_ADD_SEALS, _SEALS)
    return fd


def _nothing() -> None:
    return None
