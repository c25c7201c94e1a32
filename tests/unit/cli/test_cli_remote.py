"""Runs over HTTP against a scripted server: lost connections, repeated requests, errors, false capsules."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from qlayer.cli.remote import RemoteRuns
from qlayer.errors import (
    ConfigurationError,
    ConflictError,
    CorruptBlob,
    InputError,
    NotFoundError,
    QlayerError,
    StoreFull,
    WeightsError,
)
from qlayer.events.base import LiveText
from qlayer.types.ids import CapsuleId, RunId
from qlayer.types.run import EventBody, Finished, RunEvent, RunRequest, RunStatus, Started
from qlayer.types.usage import TokenUsage

RUN = RunId("run-000000000001-0000000a")
END = Finished(status=RunStatus.SUCCEEDED, reason="done", seconds=1.0, usage=TokenUsage())

Handler = Callable[[httpx.Request], httpx.Response]


def frame(seq: int, body: EventBody) -> str:
    event = RunEvent(run_id=RUN, seq=seq, at=datetime(2026, 1, 1, tzinfo=UTC), body=body)
    return f"id: {seq}\nevent: {body.kind}\ndata: {event.model_dump_json()}\n\n"


def text_frame(text: str) -> str:
    live = LiveText(run_id=RUN, slot="f", attempt=0, text=text)
    return f"event: text\ndata: {live.model_dump_json()}\n\n"


class Broken(httpx.AsyncByteStream):
    """A body that breaks off."""

    def __init__(self, text: str) -> None:
        self._text = text

    async def __aiter__(self):  # type: ignore[no-untyped-def]
        yield self._text.encode()
        raise httpx.ReadError("the replica died")


def problem(status: int, name: str, **more: object) -> httpx.Response:
    body = {
        "type": f"urn:qlayer:problem:{name}",
        "title": "x",
        "status": status,
        "detail": f"it is {name}",
        **more,
    }
    return httpx.Response(status, content=json.dumps(body))


class Server:
    """Answers requests in order and keeps them."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.notes: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def runs(self, patience_s: float = 60.0) -> RemoteRuns:
        client = httpx.AsyncClient(transport=httpx.MockTransport(self), base_url="http://api")
        return RemoteRuns(client, note=self.notes.append, patience_s=patience_s, pause_s=0.0)


async def carried(runs: RemoteRuns) -> list[RunEvent | LiveText]:
    return [event async for event in runs.carry(RUN)]


async def test_a_run_is_asked_for_under_a_key() -> None:
    server = Server(httpx.Response(202, json={"id": RUN, "created": True, "links": {}}))
    assert await server.runs().submit(RunRequest(text="x", template="function"), "key-1") == RUN
    [request] = server.requests
    assert request.headers["Idempotency-Key"] == "key-1"
    body = json.loads(request.content)
    assert body["text"] == "x"
    assert "origin" not in body, "who asks is not the client's to say"


async def test_a_release_is_asked_for_where_releases_are_made() -> None:
    server = Server(httpx.Response(202, json={"id": RUN, "created": True, "links": {}}))
    await server.runs().submit(RunRequest(text="x"), "key-1")
    await server.runs().submit(RunRequest(text="x", release_to="staging"), "key-2")
    plain, extended = server.requests
    assert (plain.url.path, extended.url.path) == ("/generate", "/generate-extended")
    assert "release_to" not in json.loads(plain.content)
    assert json.loads(extended.content)["release_to"] == "staging"


async def test_a_lost_answer_is_asked_for_again_under_the_same_key() -> None:
    server = Server(
        httpx.ReadError("gone"), httpx.Response(503, text="no replica"), httpx.Response(202, json={"id": RUN})
    )
    assert await server.runs().submit(RunRequest(text="x"), "key-1") == RUN
    assert [r.headers["Idempotency-Key"] for r in server.requests] == ["key-1"] * 3
    assert len(server.notes) == 2


async def test_a_stream_is_read_to_its_end() -> None:
    stream = ": hello\n\nretry: 2000\n\n" + frame(1, Started(owner="w")) + text_frame("def") + frame(2, END)
    events = await carried(Server(httpx.Response(200, text=stream)).runs())
    assert [getattr(e, "seq", "text") for e in events] == [1, "text", 2]


async def test_a_broken_stream_goes_on_after_the_last_event_seen() -> None:
    server = Server(
        httpx.Response(200, stream=Broken(frame(1, Started(owner="w")) + "id: 2\nevent: fin")),
        httpx.ConnectError("refused"),
        httpx.Response(500, text="Internal Server Error"),
        httpx.Response(200, text=frame(2, END)),
    )
    events = await carried(server.runs())
    assert [getattr(e, "seq", None) for e in events] == [1, 2]
    assert [r.headers.get("Last-Event-ID") for r in server.requests] == [None, "1", "1", "1"]
    assert len(server.notes) == 3


async def test_a_stream_that_just_ends_is_taken_up_again() -> None:
    server = Server(
        httpx.Response(200, text=frame(1, Started(owner="w"))), httpx.Response(200, text=frame(2, END))
    )
    assert len(await carried(server.runs())) == 2


async def test_a_problem_inside_the_stream_is_raised() -> None:
    body = json.dumps({"type": "urn:qlayer:problem:not-found", "detail": "no run", "retryable": False})
    with pytest.raises(NotFoundError, match="no run"):
        await carried(Server(httpx.Response(200, text=f"event: problem\ndata: {body}\n\n")).runs())


async def test_patience_ends() -> None:
    with pytest.raises(ConfigurationError, match="away") as caught:
        await carried(Server(httpx.ConnectError("refused")).runs(patience_s=0.0))
    assert "on record" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (problem(404, "not-found"), NotFoundError),
        (problem(409, "conflict"), ConflictError),
        (problem(503, "weights", hint="pull"), WeightsError),
        (problem(507, "store-full", retryable=True), StoreFull),
        (problem(500, "internal"), QlayerError),
    ],
)
async def test_a_problem_becomes_our_error_again(answer: httpx.Response, kind: type[QlayerError]) -> None:
    server = Server(answer)
    with pytest.raises(kind) as caught:
        await server.runs().cancel(RUN)
    assert type(caught.value) is kind
    assert len(server.requests) == 1, "what trying again cannot help is not tried again"


async def test_a_wrong_field_keeps_its_name_and_limit() -> None:
    wrong = problem(
        422, "input", errors=[{"field": "budget.tokens", "message": "too small", "limit": "ge=1"}]
    )
    with pytest.raises(InputError) as caught:
        await Server(wrong).runs().submit(RunRequest(text="x"), "k")
    assert (caught.value.field, caught.value.limit) == ("budget.tokens", "ge=1")


def tar(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(f"capsule/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "archive",
    [tar(a=b"x"), b"not a tar at all", tar(**{"../../etc/passwd": b"x"})],
    ids=["other", "no tar", "escape"],
)
async def test_a_false_capsule_is_refused(archive: bytes) -> None:
    server = Server(httpx.Response(200, json={"manifest": {}}), httpx.Response(200, content=archive))
    with pytest.raises(CorruptBlob):
        await server.runs().capsule(CapsuleId("sha256:" + "0" * 64))


async def test_leaving_asks_the_server_to_stop_once() -> None:
    server = Server(httpx.Response(202, json={}))
    await server.runs().interrupt(RUN)
    assert [request.url.path for request in server.requests] == [f"/runs/{RUN}/cancel"]
