"""Judging programs over HTTP: one job, or a batch whose verdicts come as they are known."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import ConfigDict, Discriminator, Field, Tag

from qlayer.errors import QlayerError
from qlayer.sandbox.base import SandboxResult
from qlayer.types.check import CaseResult
from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest
from qlayer.types.usage import ResourceUsage
from qlayer.types.verdict import Outcome, Verdict
from qlayer.validation.job_files import NamedJob, named
from qlayer.validation.job_forms import Form
from serve_apps.rest.desk import Desk
from serve_apps.rest.documentation import VERDICT_STREAM, refused
from serve_apps.rest.parts import PartsOf
from serve_apps.rest.problems import problem_of
from serve_apps.rest.sse import HEARTBEAT, FrameStream
from serve_apps.rest.tags import BATCH, ONE

router = APIRouter(tags=["validate"])

MAX_JOBS = 1_000
SMALL_BATCH = 32
"""Up to so many jobs are answered as one JSON document unless a stream was asked for."""
SHOWN_BYTES = 64 * 1024
"""Of a program's stdout, and of its stderr, that come back."""
_GONE = 499
"""What is logged for a client that did not wait; it never sees it."""

T = TypeVar("T")


class ValidateBatch(Frozen):
    """Several jobs. Their verdicts carry their ids; a job without one is called by its number from 1."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "jobs": [
                        {"id": "echo", "program": "print(input())", "stdin": "hi", "expected": "hi"},
                        {
                            "id": "add",
                            "code": "def add(a, b):\n    return a + b\n",
                            "tests": "assert add(1, 2) == 3",
                            "entry_point": "add",
                        },
                    ]
                }
            ]
        }
    )

    jobs: tuple[Form, ...] = Field(min_length=1, max_length=MAX_JOBS)


def _body_kind(value: Any) -> str:
    batch = "jobs" in value if isinstance(value, dict) else isinstance(value, ValidateBatch)
    return BATCH if batch else ONE


ValidateBody = Annotated[
    Annotated[ValidateBatch, Tag(BATCH)] | Annotated[Form, Tag(ONE)], Discriminator(_body_kind)
]


class JobVerdict(Frozen):
    """What became of one job."""

    id: str
    content: Digest
    """Names the job and its limits: the same content is judged once."""
    verdict: Verdict
    usage: ResourceUsage
    cases: tuple[CaseResult, ...] = ()
    stdout: str = ""
    """The first 64 KiB, undecodable bytes replaced; likewise stderr."""
    stderr: str = ""

    @classmethod
    def of(cls, id_: str, content: Digest, result: SandboxResult) -> JobVerdict:
        return cls(
            id=id_,
            content=content,
            verdict=result.verdict,
            usage=result.usage,
            cases=result.cases,
            stdout=result.stdout[:SHOWN_BYTES].decode(errors="replace"),
            stderr=result.stderr[:SHOWN_BYTES].decode(errors="replace"),
        )


class BatchVerdicts(Frozen):
    """A small batch's verdicts, in the order of its jobs."""

    accepted: int
    verdicts: tuple[JobVerdict, ...]


class BatchEnd(Frozen):
    """The last event of a stream."""

    jobs: int
    accepted: int


@router.post(
    "/validate",
    response_model=JobVerdict | BatchVerdicts,
    responses=VERDICT_STREAM | refused(400, 413, 422, 429, 503),
)
async def validate(
    body: ValidateBody,
    parts: PartsOf,
    request: Request,
    accept: Annotated[str, Header(description="text/event-stream: verdicts as they are known.")] = "",
) -> Response:
    """Judge one job, or a batch.

    One job answers its verdict. A batch answers all verdicts at once when it is small, else server-sent
    events in the order in which the verdicts come: `id` counts from 1, `data` names the job; the last event
    is `end`. A client that goes away takes its unfinished jobs with it. 429: too much is waiting here.
    """
    if not isinstance(body, ValidateBatch):
        one = _grade(parts.desk, (named(body, "1"),))
        return await _unless_gone(request, _single(one))
    jobs = tuple(named(form, str(number)) for number, form in enumerate(body.jobs, start=1))
    answers = _grade(parts.desk, jobs)
    if "text/event-stream" in accept or len(jobs) > SMALL_BATCH:
        return FrameStream(_frames(answers, len(jobs), parts.heartbeat_s))
    return await _unless_gone(request, _together(answers))


Graded = AsyncGenerator[tuple[int, JobVerdict], None]


def _grade(desk: Desk, jobs: tuple[NamedJob, ...]) -> Graded:
    """Admitted when this returns, or refused by `Overloaded`; each job's position with its verdict."""
    admitted = desk.admit(jobs)

    async def graded() -> Graded:
        async with admitted as answers:
            async for position, content, result in answers:
                yield position, JobVerdict.of(jobs[position].id, content, result)

    return graded()


async def _single(answers: Graded) -> JSONResponse:
    (verdict,) = [verdict async for _, verdict in answers]
    return JSONResponse(verdict.model_dump(mode="json"))


async def _together(answers: Graded) -> JSONResponse:
    found = [verdict for _, verdict in sorted([answer async for answer in answers], key=lambda a: a[0])]
    document = BatchVerdicts(accepted=_accepted(found), verdicts=tuple(found))
    return JSONResponse(document.model_dump(mode="json"))


async def _frames(answers: Graded, jobs: int, heartbeat_s: float) -> AsyncGenerator[str, None]:
    """One frame for each verdict; the response has begun, so an error becomes a frame, too."""
    done = accepted = 0
    following = asyncio.ensure_future(anext(answers, None))
    try:
        while True:
            await asyncio.wait((following,), timeout=heartbeat_s)
            if not following.done():
                yield HEARTBEAT
                continue
            answer = following.result()
            if answer is None:
                break
            done, accepted = done + 1, accepted + answer[1].verdict.accepted
            yield f"id: {done}\nevent: verdict\ndata: {answer[1].model_dump_json()}\n\n"
            following = asyncio.ensure_future(anext(answers, None))
        yield f"event: end\ndata: {BatchEnd(jobs=jobs, accepted=accepted).model_dump_json()}\n\n"
    except QlayerError as error:
        yield f"event: problem\ndata: {problem_of(error).model_dump_json(exclude_none=True)}\n\n"
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await answers.aclose()


async def _unless_gone(request: Request, work: Coroutine[Any, Any, JSONResponse]) -> Response:
    """The work's answer; the work is cancelled when the client goes away before."""
    working = asyncio.create_task(work)
    gone = asyncio.ensure_future(request.receive())  # after the body only a disconnect can come
    try:
        await asyncio.wait((working, gone), return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else Response(status_code=_GONE)
    finally:
        for task in (working, gone):
            task.cancel()
        await asyncio.gather(working, gone, return_exceptions=True)


def _accepted(verdicts: list[JobVerdict]) -> int:
    return sum(verdict.verdict.outcome is Outcome.ACCEPTED for verdict in verdicts)
