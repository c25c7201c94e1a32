"""What is decided from outside while a run lasts: shared CPU, idleness, lateness. By a clock made by hand."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from qlayer.sandbox.base import Limits
from qlayer.sandbox.warm.observation import Stop, overhead_s
from qlayer.sandbox.warm.watch import TICK_S, Glance, Watch


def watched(limits: Limits, glances: Iterable[tuple[float, int, float | None]]) -> tuple[Stop | None, Watch]:
    """The first limit hit by a run that looks like this; each glance is (seconds, bytes, CPU seconds)."""
    first, *rest = (Glance(*each) for each in glances)
    watch = Watch(limits, first)
    for glance in rest:
        if (stop := watch.look(glance)) is not None:
            return stop, watch
    return None, watch


def ticks(seconds: float) -> list[float]:
    return [number * TICK_S for number in range(round(seconds / TICK_S) + 1)]


def test_the_cpu_time_of_all_processes_together_is_limited() -> None:
    limits = Limits(cpu_s=2)
    four_spinners = [(now, 0, 7.0 + 4 * now) for now in ticks(1)]
    assert watched(limits, four_spinners)[0] is Stop.CPU
    one_spinner = [(now, 0, 7.0 + now) for now in ticks(1.95)]
    assert watched(limits, one_spinner)[0] is None


def test_no_program_is_charged_with_what_the_zygote_may_have_used() -> None:
    assert watched(Limits(cpu_s=2), [(0, 0, 0.0), (TICK_S, 0, 2.01)])[0] is None


def test_without_a_counter_nothing_is_decided() -> None:
    glances = [(now, 0, None) for now in ticks(9)]
    assert watched(Limits(cpu_s=1, idle_s=1), glances)[0] is None


def test_a_sleeper_is_idle() -> None:
    limits = Limits(idle_s=1)
    assert watched(limits, [(now, 5, 0.1) for now in ticks(1.2)])[0] is Stop.IDLE
    assert watched(limits, [(now, 5, 0.1) for now in ticks(0.9)])[0] is None
    assert watched(Limits(), [(now, 5, 0.1) for now in ticks(9)])[0] is None


def test_a_loop_that_only_sleeps_is_idle_though_it_uses_a_little_cpu() -> None:
    polling = [(now, 0, 0.002 * now) for now in ticks(2)]
    assert watched(Limits(idle_s=1), polling)[0] is Stop.IDLE


def test_output_or_cpu_time_is_progress() -> None:
    limits = Limits(idle_s=1)
    assert watched(limits, [(now, int(now * 2), 0.0) for now in ticks(9)])[0] is None
    assert watched(limits, [(now, 0, 0.1 * now) for now in ticks(9)])[0] is None


def test_time_in_which_the_host_did_not_look_is_nobodys_idleness() -> None:
    stop, watch = watched(
        Limits(idle_s=1), [(0, 0, 0.0), (TICK_S, 0, 0.0), (5, 0, 0.0), (5 + TICK_S, 0, 0.0)]
    )
    assert stop is None
    assert 4.8 < watch.late_s < 5
    assert watched(Limits(), [(now, 0, 0.0) for now in ticks(3)])[1].late_s == 0


def test_the_next_look_comes_before_the_cpu_time_can_be_used_up() -> None:
    watch = Watch(Limits(cpu_s=2, processes=64), Glance(0, 0, 5.0), cpus=4)
    assert watch.pause_s() == TICK_S
    watch.look(Glance(0.45, 0, 6.9))
    left_s = 2 - (1.9 - overhead_s(1.9))
    assert watch.pause_s() == pytest.approx(left_s / 4)
    watch.look(Glance(0.5, 0, 7.1))
    assert 0 < watch.pause_s() <= 0.001


def test_one_process_cannot_use_all_cpus_at_once() -> None:
    watch = Watch(Limits(cpu_s=0.03, processes=1), Glance(0, 0, 5.0), cpus=64)
    assert watch.pause_s() == pytest.approx((0.03 + overhead_s(0)) / 2)


def test_event_counters_are_looked_at_more_often() -> None:
    seldom, often = (Watch(Limits(), Glance(0, 0, None), events=events).pause_s() for events in (False, True))
    assert 0 < often < seldom == TICK_S
