"""Sessions over HTTP. They live in this process: another replica does not know them, and says 404."""

from __future__ import annotations

import codecs
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Path, Request, Response
from pydantic import Field

from qlayer.errors import ConflictError, InputError, QlayerError
from qlayer.sandbox.sessions.base import (
    Chunk,
    Ended,
    ExecEvent,
    Execution,
    FileEntry,
    SessionInfo,
    SessionLimits,
    SessionSpec,
)
from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest, canonical_json
from serve_apps.rest.documentation import FILE, refused
from serve_apps.rest.files import tree_of
from serve_apps.rest.parts import PartsOf, Root
from serve_apps.rest.problems import problem_of
from serve_apps.rest.sse import FrameStream

router = APIRouter(prefix="/sessions", tags=["sessions"])

SessionPath = Annotated[str, Path(pattern=r"^ses-[0-9a-f]{32}$", description="A session's id.")]
FilePath = Annotated[str, Path(description="Relative to the session's working directory.")]
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_UNTRUSTED = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
}
_STREAMS = {"stdout", "stderr"}


class SessionRequest(Frozen):
    """What a session begins with."""

    files: dict[str, Digest] = Field(default={}, max_length=2_000)
    """Path -> digest of a file sent to ``POST /files`` before."""
    limits: SessionLimits | None = None
    """At most this server's own, which are the default."""


class Executed(Frozen):
    """An execution that has ended, with all it wrote. Bytes that are no UTF-8 are replaced."""

    stdout: str
    stderr: str
    ended: Ended


class SessionFiles(Frozen):
    files: tuple[FileEntry, ...]


class SessionPage(Frozen):
    sessions: tuple[SessionInfo, ...]


@router.post("", status_code=201, responses=refused(413, 422, 429, 503))
async def open_session(parts: PartsOf, root: Root, response: Response, body: SessionRequest) -> SessionInfo:
    """Open a session. 429 while as many are open as this server allows."""
    limits = _within(body.limits, parts.session_limits)
    tree = await tree_of(body.files, parts.platform.blobs)
    session = await parts.sessions.open(SessionSpec(tree=tree, limits=limits))
    response.headers["Location"] = f"{root}/sessions/{session.info.id}"
    return session.info


@router.get("", responses=refused(503))
async def list_sessions(parts: PartsOf) -> SessionPage:
    """The open sessions of this process, oldest first."""
    return SessionPage(sessions=parts.sessions.list())


@router.get("/{session_id}", responses=refused(404, 410, 422))
async def get_session(session_id: SessionPath, parts: PartsOf) -> SessionInfo:
    """One session. 410 with the reason when it has ended."""
    return parts.sessions.get(session_id).info


@router.delete("/{session_id}", status_code=204, responses=refused(404, 410, 422))
async def close_session(session_id: SessionPath, parts: PartsOf) -> None:
    """Kill everything inside."""
    await parts.sessions.get(session_id).close()


@router.post("/{session_id}/exec", response_model=Executed, responses=refused(404, 409, 410, 413, 422, 503))
async def execute(
    session_id: SessionPath,
    body: Execution,
    parts: PartsOf,
    accept: Annotated[str, Header(description="``text/event-stream``: output as it comes.")] = "",
) -> Executed | Response:
    """Execute Python or a shell command. Events: ``stdout``, ``stderr`` (`{"text": ...}`) and ``ended``."""
    session = parts.sessions.get(session_id)
    if session.info.busy:
        raise ConflictError(f"session {session_id} is busy with another request")
    events = session.execute(body)
    if "text/event-stream" in accept:
        return FrameStream(_frames(events))
    return await _collected(events)


@router.get("/{session_id}/files", responses=refused(404, 410, 422, 503))
async def list_files(session_id: SessionPath, parts: PartsOf) -> SessionFiles:
    """Everything in the working directory."""
    return SessionFiles(files=await parts.sessions.get(session_id).files())


@router.put(
    "/{session_id}/files/{path:path}",
    status_code=204,
    responses=refused(404, 410, 413, 422, 503),
    openapi_extra=_BODY,
)
async def write_file(session_id: SessionPath, path: FilePath, request: Request, parts: PartsOf) -> None:
    """Make or replace a file."""
    await parts.sessions.get(session_id).write(path, await request.body())


@router.get(
    "/{session_id}/files/{path:path}",
    response_class=Response,
    responses=FILE | refused(404, 410, 422, 503),
)
async def read_file(session_id: SessionPath, path: FilePath, parts: PartsOf) -> Response:
    """A regular file's bytes; links are not followed."""
    data = await parts.sessions.get(session_id).read(path)
    return Response(data, media_type="application/octet-stream", headers=_UNTRUSTED)


@router.post("/{session_id}/fork", status_code=201, responses=refused(404, 409, 410, 422, 429, 503))
async def fork_session(
    session_id: SessionPath, parts: PartsOf, root: Root, response: Response
) -> SessionInfo:
    """Another session with copies of the files. Its interpreter is a fresh one: names are not copied."""
    session = await parts.sessions.get(session_id).fork()
    response.headers["Location"] = f"{root}/sessions/{session.info.id}"
    return session.info


def _within(asked: SessionLimits | None, most: SessionLimits) -> SessionLimits:
    """Raises `InputError` for a limit above the server's own."""
    if asked is None:
        return most
    # What was left out is the server's, which may be less than the type's default.
    wanted = asked.model_dump(include=asked.model_fields_set)
    for name, value in wanted.items():
        bound = getattr(most, name)
        if value > bound:
            cause = f"limits.{name} may be at most {bound} here, got {value}"
            raise InputError(cause, field=f"limits.{name}", limit=f"at most {bound:g}")
    return most.model_copy(update=wanted)


async def _collected(events: AsyncIterator[ExecEvent]) -> Executed:
    written = dict.fromkeys(_STREAMS, b"")
    async for event in events:
        if isinstance(event, Chunk):
            written[event.stream] += event.data
        else:
            ended = event
    text = {stream: data.decode("utf-8", "replace") for stream, data in written.items()}
    return Executed(stdout=text["stdout"], stderr=text["stderr"], ended=ended)


async def _frames(events: AsyncIterator[ExecEvent]) -> AsyncGenerator[str, None]:
    """The response has begun: an error goes into the stream, as ``event: problem``."""
    decoders = {stream: codecs.getincrementaldecoder("utf-8")("replace") for stream in _STREAMS}
    try:
        async for event in events:
            if isinstance(event, Chunk):
                text = decoders[event.stream].decode(event.data)
                yield _frame(event.stream, canonical_json({"text": text}))
            else:
                yield _frame("ended", canonical_json(event))
    except QlayerError as error:
        yield _frame("problem", canonical_json(problem_of(error)))


def _frame(event: str, data: bytes) -> str:
    return f"event: {event}\ndata: {data.decode()}\n\n"
