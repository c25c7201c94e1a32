"""Ten languages, built and run: each with a right and a wrong program, one that does not compile, one without
an end and one without a measure; then several files, limits of the build, pairs of programs, and refusals.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from language_projects import MANY_FILES, tree

from qlayer.errors import TierUnavailable
from qlayer.sandbox import runtimes
from qlayer.sandbox.base import Limits, MiB, OutputMatch, ProgramJob, SandboxResult
from qlayer.sandbox.bench.languages import CASES, LANGUAGES, job_of, limits_of
from qlayer.sandbox.config import WarmConfig
from qlayer.sandbox.runtimes import registry
from qlayer.sandbox.warm import WarmSandbox
from qlayer.types.language import Language
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Attribution, Outcome, Phase

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

ROOMY = Limits(wall_s=120, cpu_s=30, memory_bytes=512 * MiB)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def warm() -> AsyncIterator[WarmSandbox]:
    try:
        async with WarmSandbox(WarmConfig(workers=1)) as sandbox:
            yield sandbox
    except TierUnavailable as missing:
        pytest.skip(f"this host cannot isolate: {missing}")


def needs(language: Language) -> None:
    try:
        runtimes.find(language)
    except runtimes.ToolchainMissing as missing:
        pytest.skip(str(missing))


async def run(
    sandbox: WarmSandbox, language: Language, path: str, stdout: bytes | None = None, **files: str
) -> SandboxResult:
    needs(language)
    job = ProgramJob(tree=tree(**files), path=path, language=language, expected_stdout=stdout)
    return await sandbox.run(job, ROOMY)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.value)
async def test_each_language_gets_the_exact_outcome(
    warm: WarmSandbox, language: Language, case: object
) -> None:
    needs(language)
    result = await warm.run(job_of(language, case), limits_of(case))
    assert result.verdict.outcome is case.outcome, result
    assert result.verdict.attribution is Attribution.PROGRAM
    if case.outcome is Outcome.COMPILE_ERROR:
        assert result.verdict.phase is Phase.COMPILE
        assert result.stderr


async def test_the_evidence_names_the_toolchain(warm: WarmSandbox) -> None:
    result = await run(warm, Language.BASH, "main.sh", main_sh="echo hello")
    assert "bash" in (result.verdict.evidence.runtime or "")


@pytest.mark.parametrize("language", MANY_FILES, ids=lambda language: language.value)
async def test_a_project_of_several_files(warm: WarmSandbox, language: Language) -> None:
    path, files = MANY_FILES[language]
    result = await run(warm, language, path, b"5\n", **files)
    assert result.verdict.outcome is Outcome.ACCEPTED, result


async def test_the_same_sources_are_compiled_once(tmp_path: Path) -> None:
    needs(Language.C)
    job = job_of(Language.C, CASES[0])
    for _ in range(2):
        async with WarmSandbox(WarmConfig(workers=1, artefacts=tmp_path / "kept")) as sandbox:
            assert (await sandbox.run(job, ROOMY)).verdict.outcome is Outcome.ACCEPTED
    entries = list((tmp_path / "kept").iterdir())
    assert len(entries) == 1
    entries[0].write_bytes(entries[0].read_bytes()[:-1] + b"X")
    async with WarmSandbox(WarmConfig(workers=1, artefacts=tmp_path / "kept")) as sandbox:
        assert (await sandbox.run(job, ROOMY)).verdict.outcome is Outcome.ACCEPTED, "a damaged entry was used"


async def test_a_compiled_executable_runs_as_a_binary(warm: WarmSandbox) -> None:
    program = await asyncio.to_thread(Path("/bin/echo").read_bytes)
    job = ProgramJob(
        tree=SourceTree(files={"echo": program}),
        path="echo",
        language=Language.BINARY,
        argv=("it", "runs"),
        expected_stdout=b"it  runs",
        output_match=OutputMatch.TOKENS,
    )
    assert (await warm.run(job, ROOMY)).verdict.outcome is Outcome.ACCEPTED
    text = job.model_copy(update={"tree": SourceTree(files={"echo": b"\0 no executable"})})
    result = await warm.run(text, ROOMY)
    assert result.verdict.outcome is Outcome.RUNTIME_ERROR
    assert b"cannot execute" in result.stderr


async def test_a_program_leaves_files(warm: WarmSandbox) -> None:
    job = ProgramJob(
        tree=SourceTree().with_files({"main.sh": "echo kept > result.txt; ls /tmp/build"}),
        path="main.sh",
        language=Language.BASH,
        outputs=("*.txt",),
    )
    result = await warm.run(job, ROOMY)
    assert {file.path: file.data for file in result.files} == {"result.txt": b"kept\n"}


async def test_a_missing_toolchain_is_rejected_with_its_remedy(
    warm: WarmSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtimes.find.cache_clear()
    monkeypatch.setattr(registry, "_which", lambda tool: None)
    try:
        job = job_of(Language.GO, CASES[0])
        verdict = (await warm.run(job, ROOMY)).verdict
    finally:
        monkeypatch.undo()
        runtimes.find.cache_clear()
    assert verdict.outcome is Outcome.REJECTED
    assert (verdict.phase, verdict.attribution) == (Phase.ADMIT, Attribution.PLATFORM)
    assert "apt-get install golang-go" in verdict.cause


async def test_a_path_that_is_not_there_is_the_callers(warm: WarmSandbox) -> None:
    result = await run(warm, Language.BASH, "other.sh", main_sh="echo hello")
    assert (result.verdict.outcome, result.verdict.attribution) == (Outcome.REJECTED, Attribution.CALLER)


async def test_the_build_cannot_read_the_host(warm: WarmSandbox, tmp_path: Path) -> None:
    secret = tmp_path / "secret.h"
    secret.write_text("#error A SECRET OF THE HOST\n")
    code = f'#include "{secret}"\nint main(void) {{}}\n'
    result = await run(warm, Language.C, "main.c", main_c=code)
    assert result.verdict.outcome is Outcome.COMPILE_ERROR
    assert b"A SECRET OF THE HOST" not in result.stderr


async def test_no_proc_and_no_private_channel_in_an_executed_program(warm: WarmSandbox) -> None:
    fds = "for fd in 3 4 5 6 7 8 9; do { true >&$fd; } 2>/dev/null && echo open $fd; done"
    code = f"ls /proc | wc -l; {fds}; id -u"
    result = await run(warm, Language.BASH, "main.sh", b"0\n1001\n", main_sh=code)
    assert result.verdict.outcome is Outcome.ACCEPTED, result
