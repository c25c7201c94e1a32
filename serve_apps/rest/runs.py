"""Asking for a run, and following, listing and stopping runs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError

from qlayer.errors import InputError, NotFoundError
from qlayer.types.choice import Answered
from qlayer.types.ids import RunId
from serve_apps.rest.documentation import EVENT_STREAM, refused
from serve_apps.rest.parts import PartsOf, Root
from serve_apps.rest.schema import (
    AnswerRequest,
    ExtendedRequest,
    GenerateRequest,
    RunAccepted,
    RunLinks,
    RunPage,
    RunView,
)
from serve_apps.rest.sse import FrameStream, event_frames, parse_last_event_id

router = APIRouter(tags=["runs"])

RunPath = Annotated[RunId, Path(pattern=r"^run-[0-9a-f]{12}-[0-9a-f]{8}$", description="A run's id.")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="The same key with the same body answers the first run; with another body it is refused.",
    ),
]
Limit = Annotated[int, Query(ge=1, le=200, description="Rows at most.")]


@router.post("/generate", status_code=202, responses=refused(400, 409, 413, 422, 503, 507))
async def generate(
    body: GenerateRequest,
    parts: PartsOf,
    root: Root,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> RunAccepted:
    """Ask for a project. It is on record before this answers; follow it at `links.events`."""
    return await _submitted(body, parts, root, response, idempotency_key)


@router.post("/generate-extended", status_code=202, responses=refused(400, 409, 413, 422, 503, 507))
async def generate_extended(
    body: ExtendedRequest,
    parts: PartsOf,
    root: Root,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> RunAccepted:
    """Ask for a project that is signed with the server's key and put to the release policy.

    The run's events `signed` and `governed` tell what came of it. A denial ends no run: its reasons do.
    """
    return await _submitted(body, parts, root, response, idempotency_key)


async def _submitted(
    body: GenerateRequest, parts: PartsOf, root: Root, response: Response, idempotency_key: str | None
) -> RunAccepted:
    platform = parts.platform
    request = body.to_run_request(platform.settings.budget)
    try:
        run_id, created = await platform.pipeline.submit(request, idempotency_key=idempotency_key)
    except NotFoundError as error:  # a name in the body that is not known; the route itself exists
        raise InputError(error.message, field=error.kind, hint=error.hint) from None
    parts.worker.take(run_id)
    links = RunLinks.of(run_id, None, root)
    response.headers["Location"] = links.self
    return RunAccepted(id=run_id, created=created, links=links)


@router.get("/runs", responses=refused(422, 503))
async def list_runs(
    parts: PartsOf, limit: Limit = 50, before: Annotated[RunId | None, Query(description="Page on.")] = None
) -> RunPage:
    """Runs, newest first."""
    rows = await parts.platform.records.runs(limit=limit + 1, before=before)
    more = len(rows) > limit
    return RunPage(runs=rows[:limit], next=rows[limit - 1].id if more else None)


@router.get("/runs/{run_id}", responses=refused(404, 422, 503))
async def get_run(run_id: RunPath, parts: PartsOf, root: Root) -> RunView:
    """One run with all of its events."""
    return RunView.of(await parts.platform.records.run(run_id), root)


@router.get(
    "/runs/{run_id}/events",
    status_code=200,
    response_class=FrameStream,
    responses=EVENT_STREAM | refused(404, 422, 503),
)
async def follow_run(
    run_id: RunPath,
    parts: PartsOf,
    request: Request,
    after: Annotated[int | None, Query(ge=0, description="Events with a greater number only.")] = None,
    last_event_id: Annotated[str | None, Header(description="As `after`; sent by browsers.")] = None,
) -> Response:
    """A run's events as they happen: first what is on record, then live, until it has finished.

    Durable events have an `id`; `event: text` is what the model is writing right now and has none. 204 when
    nothing will ever follow, which tells an EventSource to stop.
    """
    since = after if after is not None else _number(last_event_id)
    record = await parts.platform.records.run(run_id)
    if since > record.events[-1].seq:
        raise InputError(
            f"{run_id} has no event {since} yet", field="after", limit=f"at most {record.events[-1].seq}"
        )
    if record.finished is not None and since == record.events[-1].seq:
        return Response(status_code=204)
    frames = event_frames(
        parts.platform.feed, run_id, after=since, heartbeat_s=parts.heartbeat_s, meter=parts.meter
    )
    return FrameStream(frames)


@router.post("/runs/{run_id}/cancel", status_code=202, responses=refused(404, 409, 422, 503))
async def cancel_run(run_id: RunPath, parts: PartsOf, root: Root) -> RunView:
    """Ask a run to stop. It ends as cancelled within seconds; 409 when it had ended before."""
    await parts.platform.pipeline.cancel(run_id)
    return RunView.of(await parts.platform.records.run(run_id), root)


@router.post("/runs/{run_id}/answers", responses=refused(404, 409, 422, 503))
async def answer_run(run_id: RunPath, body: AnswerRequest, parts: PartsOf) -> Answered:
    """Answer the question that an interactive run waits with; the first answer stays, and is a trusted
    example from then on. 409 when no question is open."""
    pipeline = parts.platform.pipeline
    return await pipeline.answer(run_id, body.expected, raises=body.raises, who="api")


def _number(last_event_id: str | None) -> int:
    if not last_event_id:
        return 0
    number = parse_last_event_id(last_event_id)
    if number is None:
        raise RequestValidationError(
            [
                {
                    "type": "int_parsing",
                    "loc": ("header", "last-event-id"),
                    "msg": "must be a whole number from 0",
                }
            ]
        )
    return number
