"""Values mode, HTTP: speaks ASGI to the application in-process; no socket, no client library."""

from __future__ import annotations

import json
from time import perf_counter
from typing import TYPE_CHECKING, Any, NoReturn

from qlayer.sandbox import wire
from qlayer.sandbox.zygote import mishap, module
from qlayer.sandbox.zygote.drivers.call import finish, returned
from qlayer.sandbox.zygote.job import Job
from qlayer.sandbox.zygote.report import Report

if TYPE_CHECKING:
    import asyncio
    from urllib.parse import unquote


def run(job: Job, report: Report) -> NoReturn:
    """Import the application, start it, make every request in order, end."""
    _import_loop()
    try:
        loaded = module.load(job.body["module"], report)
    except BaseException as error:  # any way in which the program's import can fail
        report.send("failed", error=mishap.describe(error))
        finish(1)
    asyncio.run(_serve(loaded, job.body["cases"], report))
    finish(1)


def _import_loop() -> None:
    """Only here: without it a bare zygote forks in two thirds of the time; those for the web hold it."""
    global asyncio, unquote
    import asyncio
    from urllib.parse import unquote


async def _serve(loaded: Any, cases: list[list[str]], report: Report) -> None:
    started: dict[str, _Lifespan] = {}
    for index, (name, _, kwargs) in enumerate(cases):
        begun = perf_counter()
        try:
            app = getattr(loaded, name)
            if name not in started:
                started[name] = _Lifespan(app)
                await started[name].start()
            answer, error = await _request(app, **wire.decode(kwargs))
        except BaseException as failure:  # one request's failure is that case's result
            fields = {"index": index, "error": mishap.describe(failure), "seconds": perf_counter() - begun}
        else:
            fields = returned(index, answer, perf_counter() - begun)
            if error is not None:
                fields["error"] = mishap.describe(error)
        report.send("case", **fields)
    report.send("done")
    # Here, not after the loop's own end, which would wait for threads that the program left.
    finish(0)


class _Lifespan:
    """The application's start. An application that does not know the protocol raises, which is allowed."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Raises RuntimeError when the application says that its start failed."""
        events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        events.put_nowait({"type": "lifespan.startup"})
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        self._task = asyncio.ensure_future(self._app(scope, events.get, self._said.put))
        answer = asyncio.ensure_future(self._said.get())
        await asyncio.wait({self._task, answer}, return_when=asyncio.FIRST_COMPLETED)
        if answer.done() and answer.result().get("type") == "lifespan.startup.failed":
            raise RuntimeError(f"the application did not start: {answer.result().get('message', '')}")
        answer.cancel()
        if self._task.done():
            self._task.exception()


async def _request(
    app: Any, method: str = "GET", path: str = "/", body: Any = None, headers: Any = None
) -> tuple[dict[str, Any], BaseException | None]:
    """The answer, and what the application raised after it had answered (servers log that)."""
    payload = b"" if body is None else json.dumps(body).encode()
    said: list[dict[str, Any]] = []
    events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    events.put_nowait({"type": "http.request", "body": payload, "more_body": False})

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    error: BaseException | None = None
    try:
        await app(_scope(method, path, payload, headers or {}), events.get, send)
    except Exception as raised:  # the application's own; judged by what it answered before
        error = raised
    starts = [message for message in said if message.get("type") == "http.response.start"]
    if not starts:
        raise error or RuntimeError("the application ended without an answer")
    content = b"".join(m.get("body", b"") for m in said if m.get("type") == "http.response.body")
    kind = next(
        (value for name, value in starts[0].get("headers", []) if name.lower() == b"content-type"), b""
    )
    return {"status": starts[0]["status"], "body": _body(content, kind)}, error


def _scope(method: str, path: str, payload: bytes, headers: dict[str, str]) -> dict[str, Any]:
    raw, _, query = path.partition("?")
    fields = {"host": "testserver", "accept": "*/*"}
    if payload:
        fields |= {"content-type": "application/json", "content-length": str(len(payload))}
    fields |= {name.lower(): value for name, value in headers.items()}
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method.upper(),
        "scheme": "http",
        "path": unquote(raw),
        "raw_path": raw.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields.items()],
        "client": ("127.0.0.1", 50_000),
        "server": ("testserver", 80),
        "state": {},
    }


def _body(content: bytes, kind: bytes) -> object:
    if b"json" in kind and content:
        try:
            return json.loads(content)
        except ValueError:
            pass
    return content.decode("utf-8", "replace")
