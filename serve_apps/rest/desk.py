"""How many jobs a replica takes in at once, and the executor that it hands them to.

The replica owns the executor, its supervisors too: jobs of milliseconds never pass through a Serve handle.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager

from qlayer.app.grading import Grader, Task, result_of
from qlayer.errors import Overloaded
from qlayer.executor.base import Item
from qlayer.sandbox.base import SandboxResult
from qlayer.types.ids import Digest
from qlayer.validation.job_files import NamedJob

Answers = AsyncGenerator[tuple[int, Digest, SandboxResult], None]


class Desk:
    """Admits jobs up to `room` at once, waiting ones included."""

    def __init__(self, grader: Grader, room: int) -> None:
        self._grader = grader
        self._room = room
        self.taken = 0
        """Jobs admitted and not yet answered."""

    def admit(self, jobs: tuple[NamedJob, ...]) -> AbstractAsyncContextManager[Answers]:
        """Position, content and result of each job, in order of arrival. Raises `Overloaded` at once.

        They are counted from when the context is entered: an answer that is never begun holds no room.
        """
        if self.taken + len(jobs) > self._room:
            raise Overloaded(
                f"{self.taken} jobs are being judged or wait; {len(jobs)} more are too many for now",
                hint=f"at most {self._room} at once; try again after Retry-After, or send a smaller batch",
            )
        return self._admitted(jobs)

    @asynccontextmanager
    async def _admitted(self, jobs: tuple[NamedJob, ...]) -> AsyncIterator[Answers]:
        items = [Task(job.job, job.limits).item(job.tenant) for job in jobs]
        left = len(items)
        self.taken += left

        async def answered() -> Answers:
            nonlocal left
            async with aclosing(self._grader.run(_each(items))) as answers:
                async for answer in answers:
                    left -= 1
                    self.taken -= 1
                    yield answer.position, answer.key, result_of(answer.result)

        try:
            async with aclosing(answered()) as answers:
                yield answers
        finally:
            self.taken -= left


async def _each(items: list[Item[Task]]) -> AsyncIterator[Item[Task]]:
    for item in items:
        yield item
