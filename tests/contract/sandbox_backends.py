"""The sandbox backends under contract, and short ways to write their jobs.

A new backend is one more entry of `BACKENDS`, or of `CONTAINERS` when its workers are not processes of ours.
"""

from __future__ import annotations

import textwrap
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from docker_daemon import docker_host

from qlayer.errors import TierUnavailable
from qlayer.sandbox.base import (
    Limits,
    MiB,
    ProgramJob,
    PytestJob,
    Sandbox,
    SandboxJob,
    SandboxResult,
    SplitJob,
    ValuesJob,
)
from qlayer.sandbox.config import DockerConfig, GvisorConfig, WarmConfig
from qlayer.sandbox.container import DockerSandbox, GvisorSandbox
from qlayer.sandbox.fake import FakeSandbox, unsafe_in_process
from qlayer.sandbox.warm import WarmSandbox
from qlayer.types.check import Case, Comparison, Expectation
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Outcome

BACKENDS: dict[str, Callable[[], Sandbox]] = {
    "warm": lambda: WarmSandbox(WarmConfig(workers=2)),
    "warm-without-helper": lambda: WarmSandbox(WarmConfig(workers=2, helper=False)),
}
CONTAINERS: dict[str, Callable[[], Sandbox]] = {
    "docker": lambda: DockerSandbox(DockerConfig(workers=2, host=docker_host())),
    "gvisor": lambda: GvisorSandbox(GvisorConfig(workers=2)),
}
"""The same answers from elsewhere; their lifecycle has tests of its own."""
FAKES: dict[str, Callable[[], Sandbox]] = {
    "fake": lambda: FakeSandbox(unsafe_in_process),
}
"""Obey what the contract says about calls judged by value, and nothing else of it."""

ROOMY = Limits(wall_s=60, cpu_s=30, memory_bytes=256 * MiB)
"""For programs that are meant to end by themselves, on a slow and busy machine too."""


@asynccontextmanager
async def opened(backend: str) -> AsyncIterator[Sandbox]:
    """The backend, started; skips with the reason where this host cannot isolate."""
    try:
        async with (BACKENDS | CONTAINERS | FAKES)[backend]() as sandbox:
            yield sandbox
    except TierUnavailable as missing:
        pytest.skip(f"{backend}: {missing}")


async def judge(sandbox: Sandbox, job: SandboxJob, **limits: float) -> SandboxResult:
    """Run under `ROOMY`, some of its limits replaced."""
    return await undisturbed(sandbox, job, ROOMY.model_copy(update=limits))


async def undisturbed(sandbox: Sandbox, job: SandboxJob, limits: Limits) -> SandboxResult:
    """Run it, at most thrice as long as a busy host leaves no verdict. A broken sandbox is not hidden."""
    for _ in range(3):
        result = await sandbox.run(job, limits)
        if result.verdict.outcome is not Outcome.NO_VERDICT:
            break
    return result


def tree(**files: str) -> SourceTree:
    """Python files by name, ``__`` for a slash: ``tests__test_add`` is tests/test_add.py."""
    return SourceTree().with_files(
        {name.replace("__", "/") + ".py": textwrap.dedent(text) for name, text in files.items()}
    )


def case(call: str, expected: str | None = None, *, raises: str | None = None, rel_tol: float = 0.0) -> Case:
    """``case("add(2, 3)", "5")``; without an expectation the case only observes."""
    function, arguments = call.rstrip(")").split("(", 1)
    expectation = None
    if raises is not None:
        expectation = Expectation(comparison=Comparison.RAISES, value=raises)
    elif expected is not None:
        expectation = Expectation(value=expected, rel_tol=rel_tol)
    return Case(
        name=call, function=function, args=f"({arguments},)" if arguments else "()", expected=expectation
    )


def request(method: str, path: str, body: Any = None, expected: Any = None) -> Case:
    """One HTTP case for the ASGI application ``app``; `expected` is what the answer must include."""
    return Case(
        name=f"{method} {path}",
        function="app",
        kwargs=repr({"method": method, "path": path, "body": body}),
        expected=None
        if expected is None
        else Expectation(comparison=Comparison.INCLUDES, value=repr(expected)),
    )


def values(code: str, *cases: Case) -> ValuesJob:
    return ValuesJob(tree=tree(main=code), module="main", cases=cases)


def split(code: str, tests: str, function: str = "add") -> SplitJob:
    return SplitJob(tree=tree(main=code), module="main", function=function, tests=textwrap.dedent(tests))


def program(code: str, **fields: Any) -> ProgramJob:
    return ProgramJob(tree=tree(main=code), path="main.py", **fields)


def project_tests(tests: str, *names: str, **files: str) -> PytestJob:
    """A project whose tests are tests/test_it.py; `names` are the functions that must pass."""
    return PytestJob(
        tree=tree(tests__test_it=tests, **files),
        paths=("tests/test_it.py",),
        expected_tests=tuple(f"tests/test_it.py::{name}" for name in names),
    )
