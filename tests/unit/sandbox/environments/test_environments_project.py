"""Which jobs get prepared packages, and what becomes of those that cannot have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from qlayer.errors import IndexUnavailable, SandboxError
from qlayer.sandbox.base import ProgramJob, SandboxJob, ValuesJob
from qlayer.sandbox.environments.base import EnvironmentId, Lock, Progress
from qlayer.sandbox.environments.fake import FakeEnvironments
from qlayer.sandbox.environments.project import ProvisionedSandbox
from qlayer.sandbox.fake import FakeSandbox
from qlayer.types.language import Language
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Attribution, Outcome, Phase

A = "a" * 64
LOCK = f"one==1.0 --hash=sha256:{A}\n"


def program(lock: str | None = LOCK, **fields: object) -> ProgramJob:
    files = {"main.py": ""} | ({} if lock is None else {"requirements.txt": lock})
    return ProgramJob.model_validate({"tree": SourceTree().with_files(files), "path": "main.py", **fields})


@pytest.fixture
def environments(tmp_path: Path) -> FakeEnvironments:
    return FakeEnvironments(tmp_path, {("one", "1.0"): {A}})


async def seen(environments: FakeEnvironments, job: SandboxJob) -> str | None:
    """The `environment` of the job that reaches the sandbox."""
    async with FakeSandbox() as inner:
        await ProvisionedSandbox(inner, environments).run(job)
        [arrived] = inner.jobs
    assert not hasattr(arrived, "environment") or arrived.tree == job.tree
    return getattr(arrived, "environment", None)


async def test_a_job_with_a_lock_gets_its_packages(environments: FakeEnvironments) -> None:
    made = await seen(environments, program())
    assert made == environments.list()[0].id
    values = ValuesJob(tree=program().tree, module="main", cases=())
    assert await seen(environments, values) == made


@pytest.mark.parametrize(
    "job",
    [program(None), program("fastapi\n"), program(language=Language.BASH), program(f"# --hash=sha256:{A}\n")],
    ids=["no lock", "wishes", "other language", "empty lock"],
)
async def test_others_are_left_as_they_are(environments: FakeEnvironments, job: ProgramJob) -> None:
    assert await seen(environments, job) is None
    assert environments.list() == ()


async def test_a_choice_that_is_made_already_stays(environments: FakeEnvironments) -> None:
    assert await seen(environments, program(environment="sha256:" + "b" * 64)) == "sha256:" + "b" * 64


async def test_a_lock_that_cannot_be_had_is_a_verdict(
    environments: FakeEnvironments,
) -> None:
    async with FakeSandbox() as inner:
        result = await ProvisionedSandbox(inner, environments).run(program(LOCK.replace("one", "oone")))
        assert inner.jobs == []
    verdict = result.verdict
    assert (verdict.outcome, verdict.phase) == (Outcome.DEPENDENCY_ERROR, Phase.DEPS)
    assert verdict.attribution is Attribution.PROGRAM and not verdict.retryable
    assert "requirements.txt:1" in verdict.cause


class _Down(FakeEnvironments):
    async def prepare(self, lock: Lock, progress: Progress | None = None) -> EnvironmentId:
        raise self.error

    error: Exception = IndexUnavailable("the package index answers 503")


async def test_an_index_that_is_down_is_the_platforms_and_can_be_tried_again(tmp_path: Path) -> None:
    down = _Down(tmp_path, {})
    async with FakeSandbox() as inner:
        verdict = (await ProvisionedSandbox(inner, down).run(program())).verdict
        assert inner.jobs == []
        assert (verdict.outcome, verdict.phase) == (Outcome.SANDBOX_ERROR, Phase.DEPS)
        assert verdict.attribution is Attribution.PLATFORM and verdict.retryable
        down.error = SandboxError("broken")
        with pytest.raises(SandboxError):
            await ProvisionedSandbox(inner, down).run(program())
