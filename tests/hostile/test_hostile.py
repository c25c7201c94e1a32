"""Every attack of the corpus, first shown to work without its guard, then stopped by it.

(a) unguarded: in a sandbox with the named controls off, or in a bare process; the proof must appear.
(b) guarded: the exact outcome, the attempt seen, no proof, nothing touched on the host, and the next run of
the same worker unharmed.
"""

from __future__ import annotations

import os
import platform
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from hostile_bare import run_bare
from hostile_controls import WALLS, table, unknown
from hostile_corpus import ATTACKS, BENIGN, CORPUS, FORGERIES, Program
from hostile_host import SECRET, Host
from sandbox_backends import undisturbed

from qlayer.errors import TierUnavailable
from qlayer.sandbox.base import ProgramJob, Sandbox, SandboxResult
from qlayer.sandbox.config import Control, WarmConfig
from qlayer.sandbox.warm import WarmSandbox
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Outcome

pytestmark = pytest.mark.asyncio(loop_scope="module")

CANARY = ProgramJob(
    tree=SourceTree().with_files({"main.py": "print('unharmed')"}),
    path="main.py",
    expected_stdout=b"unharmed\n",
)
NOT_ON_THIS_KERNEL = ("Function not implemented", "ENETUNREACH", "Network is unreachable", "ENOSYS")


def by_name(program: Program) -> str:
    return program.name


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Host() as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded(host: Host) -> AsyncIterator[Sandbox]:
    """One worker, started by a process that has secrets in its environment and its descriptors."""
    os.environ["HOSTILE_SECRET"] = SECRET
    descriptor = os.open(host.folder / "secret", os.O_RDONLY)
    os.set_inheritable(descriptor, True)
    try:
        async with WarmSandbox(WarmConfig(workers=1)) as sandbox:
            yield sandbox
    except TierUnavailable as missing:
        pytest.skip(f"this host cannot isolate: {missing}")
    finally:
        os.close(descriptor)
        del os.environ["HOSTILE_SECRET"]


async def run_in_a_row(sandbox: Sandbox, program: Program, host: Host) -> SandboxResult:
    """The result of the last of its runs."""
    for _ in range(program.runs):
        result = await undisturbed(sandbox, program.job(host.places), program.limits)
    return result


WITH_ROOT_ONLY = {Control.USER_NS, Control.CGROUP_NS}
"""Guards that a zygote without root does not have, or cannot do without."""


def skip_what_cannot_be_off(program: Program) -> None:
    if program.guards & WITH_ROOT_ONLY and os.geteuid() != 0:
        pytest.skip("without root there is nothing to switch off")


def skip_where_it_means_nothing(program: Program) -> None:
    if program.name.startswith("kernel_") and platform.machine() != "x86_64":
        pytest.skip(f"its system calls are numbered for x86_64, this is {platform.machine()}")


def skip_without_capability(program: Program, sandbox: Sandbox) -> None:
    """A weaker tier says what it lacks; what only that would stop is not asked of it."""
    for capability in sandbox.info.capabilities:
        if capability.name in program.guards and not capability.available:
            pytest.skip(f"tier {sandbox.info.tier} has no {capability.name}: {capability.detail}")


def skip_without_kernel_support(stderr: str) -> None:
    for sign in NOT_ON_THIS_KERNEL:
        if sign in stderr:
            pytest.skip(f"nothing to attack on this host: {stderr.strip().splitlines()[-1]}")


@pytest.mark.parametrize("program", [a for a in ATTACKS if not a.needs_bare_process], ids=by_name)
async def test_works_without_its_guard(program: Program, host: Host) -> None:
    skip_where_it_means_nothing(program)
    skip_what_cannot_be_off(program)
    config = WarmConfig(workers=1)
    try:
        async with WarmSandbox(config, unsafe_disabled=program.guards) as unsafe:
            result = await run_in_a_row(unsafe, program, host)
    except TierUnavailable as missing:
        pytest.skip(f"this host cannot isolate: {missing}")
    skip_without_kernel_support(result.stderr.decode(errors="replace"))
    if program.proof_is_text:
        assert program.proof in result.stdout.decode(errors="replace"), result
    else:
        assert result.verdict.outcome is Outcome.ACCEPTED, result
    (host.drop / "written").unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("program", "kept"),
    [
        pytest.param(attack, kept, id=f"{attack.name}-{kept}")
        for attack in ATTACKS
        for kept in sorted(attack.guards)
        if len(attack.guards) > 1
    ],
)
async def test_one_guard_of_several_is_enough(program: Program, kept: Control, host: Host) -> None:
    try:
        off = program.guards - {kept}
        async with WarmSandbox(WarmConfig(workers=1), unsafe_disabled=off) as sandbox:
            skip_without_capability(program, sandbox)
            result = await run_in_a_row(sandbox, program, host)
    except TierUnavailable as missing:
        pytest.skip(f"this host cannot isolate: {missing}")
    if program.proof_is_text:
        assert program.proof not in result.stdout.decode(errors="replace"), result
    else:
        assert result.verdict.outcome is not Outcome.ACCEPTED, result


@pytest.mark.parametrize("program", [a for a in ATTACKS if a.needs_bare_process], ids=by_name)
async def test_works_in_a_bare_process(program: Program, host: Host, tmp_path: Path) -> None:
    skip_where_it_means_nothing(program)
    if program.needs in ("root", "neighbour") and os.geteuid() != 0:
        pytest.skip(f"the unguarded attack needs root to succeed ({program.header['title']})")
    bare = run_bare(program, tmp_path, host.places, SECRET)
    skip_without_kernel_support(bare.stderr)
    if program.proof_is_text:
        assert program.proof in bare.stdout, bare
    else:
        assert bare.believed, bare


@pytest.mark.parametrize("mode", ["values", "split", "pytest"])
async def test_the_naive_judge_refuses_an_honest_failure(mode: str, host: Host, tmp_path: Path) -> None:
    """Else its belief in a forged pass would prove nothing."""
    wrong = Program(
        name="wrong",
        header={
            "title": "wrong",
            "mode": mode,
            "expect": "WRONG_ANSWER",
            "guard": "subprocess",
            "function": "add",
        },
        lists={
            "case": ("add(2, 3) == 5",),
            "test": ("assert add(2, 3) == 5",),
            "expects-test": ("test_add.py::test_add",),
        },
        files={
            "main.py": "def add(a, b):\n    return 0\n",
            "test_add.py": "from main import add\n\n\ndef test_add():\n    assert add(2, 3) == 5\n",
        },
    )
    assert not run_bare(wrong, tmp_path, host.places, SECRET).believed


@pytest.mark.parametrize("program", ATTACKS, ids=by_name)
async def test_is_stopped(program: Program, host: Host, guarded: Sandbox) -> None:
    skip_where_it_means_nothing(program)
    skip_without_capability(program, guarded)
    callers = host.callers
    result = await run_in_a_row(guarded, program, host)
    printed = (result.stdout + result.stderr).decode(errors="replace")
    assert result.verdict.outcome in program.expected, result
    if program.tells_its_attempt:
        assert "ATTEMPT" in printed, result
    if program.proof_is_text:
        assert program.proof not in printed, result
    assert SECRET not in printed
    assert host.callers == callers
    assert not list(host.drop.iterdir())
    if program.header.get("label") == "forgeable":
        assert result.verdict.evidence.forgeable
    after = await guarded.run(CANARY)
    assert after.verdict.outcome is Outcome.ACCEPTED, after


@pytest.mark.parametrize("program", BENIGN, ids=by_name)
async def test_is_accepted(program: Program, host: Host, guarded: Sandbox) -> None:
    if program.needs == "numpy":
        pytest.importorskip("numpy", reason="the extra `science` is not installed")
    result = await run_in_a_row(guarded, program, host)
    assert result.verdict.outcome is Outcome.ACCEPTED, result


async def test_every_control_has_an_attack_or_a_reason() -> None:
    assert unknown() == frozenset()
    assert [row for row in table() if not row.attacks and (not row.reason or "GAP" in row.reason)] == []


async def test_what_stands_for_a_wall_is_there() -> None:
    tests = "".join(file.read_text() for file in Path(__file__).parent.glob("test_walls*.py"))
    assert [name for name in WALLS.values() if f"def {name.split()[0]}(" not in tests] == []


async def test_the_corpus_is_large_enough() -> None:
    assert len(CORPUS) >= 150
    assert len(FORGERIES) >= 60
    assert {program.mode for program in FORGERIES} == {"values", "split", "pytest", "program"}
    assert len({program.header["title"] for program in CORPUS}) == len(CORPUS)


async def test_one_verdict_is_expected_of_each() -> None:
    assert [program.name for program in CORPUS if len(program.expected) != 1] == []


async def test_no_forgery_is_expected_to_pass_unlabelled() -> None:
    """Only a project's own test files can patch what judges them, and then the evidence says so."""
    believed = [program for program in FORGERIES if Outcome.ACCEPTED in program.expected]
    assert [program.name for program in believed] == ["fake_pytest_patched_runner"]
    assert all(program.header.get("label") == "forgeable" for program in believed)
