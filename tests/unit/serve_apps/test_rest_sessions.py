"""Sessions over HTTP, over the fake host."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from rest_world import Client, World

from qlayer.sandbox.sessions.base import SessionLimits
from qlayer.sandbox.sessions.fake import UnsafeFakeSessions
from serve_apps.rest.app import ApiConfig, api_app


@asynccontextmanager
async def served(world: World) -> AsyncIterator[httpx.AsyncClient]:
    app = api_app(
        world.opened,
        ApiConfig(max_sessions=2, session_limits=SessionLimits(idle_s=60)),
        owner="api-under-test",
        make_sessions=lambda _, most: UnsafeFakeSessions(most=most),
    )
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://api.test") as http,
    ):
        yield http


async def opened(http: httpx.AsyncClient, **body: object) -> str:
    answer = await http.post("/sessions", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/sessions/{answer.json()['id']}"
    return str(answer.headers["location"])


async def test_a_session_from_its_opening_to_its_end(world: World) -> None:
    async with served(world) as http:
        stored = (await http.post("/files", content=b"hello")).json()["digest"]
        session = await opened(http, files={"a/in.txt": stored})
        first = await http.post(f"{session}/exec", json={"kind": "python", "source": "x = 6"})
        assert first.json()["ended"]["status"] == 0
        again = await http.post(f"{session}/exec", json={"kind": "python", "source": "print(x * 7)"})
        assert again.json()["stdout"] == "42\n"
        assert (await http.get(f"{session}/files/a/in.txt")).content == b"hello"
        data = bytes(range(256)) * 2000
        assert (await http.put(f"{session}/files/b.bin", content=data)).status_code == 204
        assert (await http.get(f"{session}/files/b.bin")).content == data
        listed = (await http.get(f"{session}/files")).json()["files"]
        assert [entry["path"] for entry in listed] == ["a/in.txt", "b.bin"]
        assert (await http.get(session)).json()["limits"]["idle_s"] == 60
        assert (await http.delete(session)).status_code == 204
        gone = await http.get(session)
        assert gone.status_code == 410 and "it was closed" in gone.json()["detail"]
        assert gone.json()["type"] == "urn:qlayer:problem:session-gone"
        assert (await http.get("/sessions")).json() == {"sessions": []}
        assert (await http.get("/sessions/ses-" + "0" * 32)).status_code == 404


async def test_output_as_events(world: World) -> None:
    async with served(world) as http:
        session = await opened(http)
        body = {"kind": "python", "source": "print('héllo')\nraise KeyError(1)"}
        answer = await http.post(f"{session}/exec", json=body, headers={"Accept": "text/event-stream"})
        assert answer.headers["content-type"].startswith("text/event-stream")
        frames = [frame.split("\n", 1) for frame in answer.text.strip().split("\n\n")]
        assert [name for name, _ in frames] == ["event: stdout", "event: stderr", "event: ended"]
        assert json.loads(frames[0][1].removeprefix("data: ")) == {"text": "héllo\n"}
        ended = json.loads(frames[2][1].removeprefix("data: "))
        assert ended["status"] == 1 and ended["error"]["type"] == "KeyError"


async def test_a_full_host_says_when_to_come_back(world: World) -> None:
    async with served(world) as http:
        session = await opened(http)
        forked = await http.post(f"{session}/fork")
        assert forked.status_code == 201 and forked.json()["parent"] == session.rpartition("/")[2]
        for refused in (await http.post("/sessions", json={}), await http.post(f"{session}/fork")):
            assert refused.status_code == 429 and int(refused.headers["retry-after"]) > 0
            assert refused.json()["retryable"] is True
        await http.delete(session)
        await opened(http)


async def test_what_is_refused_names_field_and_limit(world: World) -> None:
    async with served(world) as http:
        more = await http.post("/sessions", json={"limits": {"idle_s": 61}})
        assert more.status_code == 422
        assert more.json()["errors"][0]["field"] == "limits.idle_s"
        assert more.json()["errors"][0]["limit"] == "at most 60"
        less = await http.post("/sessions", json={"limits": {"idle_s": 5}})
        assert less.json()["limits"]["idle_s"] == 5
        session = f"/sessions/{less.json()['id']}"
        for path in ("a%01b", "..%2F..%2Fetc%2Fpasswd", "%2Fetc%2Fpasswd", "x" * 300):
            answer = await http.put(f"{session}/files/{path}", content=b"x")
            assert answer.status_code == 422, (path, answer.text)
            assert answer.json()["errors"][0]["field"] == "path"
        missing = await http.post("/sessions", json={"files": {"a": "sha256:" + "0" * 64}})
        assert missing.status_code == 422 and missing.json()["errors"][0]["field"] == "files.a"


async def test_output_comes_while_the_code_is_running(server: Client) -> None:
    """Under a real server, in the real sandbox: the code waits for a file that comes after its first line."""
    source = (
        "import os, threading, time\nprint('first', flush=True)\n"
        "for _ in range(3000):\n    if os.path.exists('/tmp/go'): break\n    time.sleep(0.01)\n"
        "print('second')"
    )
    async with server() as http:
        made = await http.post("/sessions", json={})
        if made.status_code == 503:
            pytest.skip(made.json()["detail"])
        session = made.headers["location"]
        starter = {"kind": "python", "source": "import threading, os\ndef go(): open('/tmp/go', 'w').close()"}
        assert (await http.post(f"{session}/exec", json=starter)).json()["ended"]["status"] == 0
        seen: list[str] = []
        body = {"kind": "python", "source": f"threading.Timer(1.0, go).start()\n{source}"}
        headers = {"Accept": "text/event-stream"}
        async with http.stream("POST", f"{session}/exec", json=body, headers=headers) as answer:
            async for line in answer.aiter_lines():
                seen.append(line)
                if "first" in line:
                    busy = await http.post(f"{session}/exec", json=starter)
                    assert busy.status_code == 409, "it is still running"
        assert [line for line in seen if line.startswith("event")] == [
            "event: stdout",
            "event: stdout",
            "event: ended",
        ]
        ended = await http.post(
            f"{session}/exec", json={"kind": "python", "source": "import os; os._exit(3)"}
        )
        assert ended.status_code == 410 and "status 3" in ended.json()["detail"]
        assert (await http.get(session)).status_code == 410
