"""A batch of jobs to the end: each judged once, each verdict on record before it is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing

from qlayer.app.grading import Grader, Task, result_of
from qlayer.executor.base import Item, Quarantined
from qlayer.executor.ledger import Ledger, LedgerRow
from qlayer.sandbox.base import SandboxResult
from qlayer.types.ids import Digest, digest_of
from qlayer.types.usage import ResourceUsage
from qlayer.types.verdict import Outcome, Verdict
from qlayer.validation.job_files import NamedJob

SYNC_S = 0.5
"""How much a failing *machine* may take of a batch's ledger; a killed process loses nothing."""


class VerdictRow(LedgerRow):
    """One line of a batch's verdicts. `key` names the id and the content together."""

    id: str
    content: Digest
    """The job and its limits: the same content is judged once, whatever its ids."""
    verdict: Verdict
    usage: ResourceUsage
    passed: int = 0
    total: int = 0
    """Cases, in the modes that have them."""

    @property
    def outcome(self) -> Outcome:
        return self.verdict.outcome


class BatchPlan:
    """What of a batch is judged already, and what is missing."""

    def __init__(self, jobs: Sequence[NamedJob], done: Iterable[VerdictRow]) -> None:
        self._jobs = [(job, Task(job.job, job.limits)) for job in jobs]
        keys = [task.key for _, task in self._jobs]
        by_key = {row.key: row for row in done}
        by_content = {row.content: row for row in by_key.values()}
        self.rows: list[VerdictRow] = []
        """Of this batch, from the record."""
        self.same: list[VerdictRow] = []
        """Of this batch, not on record, with the content of one that is."""
        self.missing: list[tuple[NamedJob, Item[Task]]] = []
        for (job, task), content in zip(self._jobs, keys, strict=True):
            row_key = _row_key(job.id, content)
            if row_key in by_key:
                self.rows.append(by_key[row_key])
            elif content in by_content:
                self.same.append(by_content[content].model_copy(update={"key": row_key, "id": job.id}))
            else:
                self.missing.append((job, Item(content, job.tenant, task)))

    @property
    def total(self) -> int:
        return len(self._jobs)


async def grade(
    plan: BatchPlan, grader: Grader, ledger: Ledger[VerdictRow] | None, on_row: Callable[[VerdictRow], None]
) -> list[VerdictRow]:
    """Judge what is missing; gives every row of the batch, in order of arrival.

    `on_row` sees each new row after it is on record. Raises `ExecutorError`, `StoreError`.
    """
    rows = list(plan.rows)

    def settle(row: VerdictRow) -> None:
        if ledger is not None:
            ledger.add(row)
        rows.append(row)
        on_row(row)

    for row in plan.same:
        settle(row)
    known = _Repeated(item.key for _, item in plan.missing)
    async with aclosing(grader.run(_each(plan.missing), known)) as answers:
        async for answer in answers:
            job, item = plan.missing[answer.position]
            settle(row_of(job.id, item.key, answer.result))
    return rows


def row_of(id_: str, content: Digest, answer: SandboxResult | Quarantined) -> VerdictRow:
    result = result_of(answer)
    return VerdictRow(
        key=_row_key(id_, content),
        id=id_,
        content=content,
        verdict=result.verdict,
        usage=result.usage,
        passed=sum(case.outcome is Outcome.ACCEPTED for case in result.cases),
        total=len(result.cases),
    )


def _row_key(id_: str, content: Digest) -> Digest:
    return digest_of([id_, content])


async def _each(missing: Sequence[tuple[NamedJob, Item[Task]]]) -> AsyncIterator[Item[Task]]:
    for _, item in missing:
        yield item


class _Repeated(dict[Digest, SandboxResult]):
    """Keeps results that will be asked for again, without their outputs: a batch may have megabytes each."""

    def __init__(self, keys: Iterable[Digest]) -> None:
        super().__init__()
        self._wanted = {key for key, count in Counter(keys).items() if count > 1}

    def __setitem__(self, key: Digest, value: SandboxResult) -> None:
        if key in self._wanted:
            bare = value.model_copy(update={"stdout": b"", "stderr": b"", "files": ()})
            super().__setitem__(key, bare)
