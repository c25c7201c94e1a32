"""Judging over HTTP: one job, small batches, streams, refusals, overload, and clients that go away."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import httpx
from rest_world import Client, World, until

from qlayer.sandbox.base import Limits, ProgramJob, SandboxJob, SandboxResult
from qlayer.sandbox.fake import FakeSandbox, result_of
from qlayer.types.verdict import Outcome
from serve_apps.rest.validate import MAX_JOBS

HELLO = {"program": "print('hello')", "expected": "hello"}


class SlowSandbox(FakeSandbox):
    """Takes its time with programs that are named slow; counts what was cancelled."""

    def __init__(self) -> None:
        super().__init__(self._judged)
        self.cancelled = 0

    def _judged(self, job: SandboxJob) -> SandboxResult:
        assert isinstance(job, ProgramJob)
        wrong = b"wrong" in job.tree.files[job.path]
        return result_of(job, Outcome.WRONG_ANSWER if wrong else Outcome.ACCEPTED)

    async def run(self, job: SandboxJob, limits: Limits | None = None) -> SandboxResult:
        result = await super().run(job, limits)
        if isinstance(job, ProgramJob) and b"slow" in job.tree.files[job.path]:
            try:
                await asyncio.sleep(600)
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        return result


def use(world: World, sandbox: FakeSandbox) -> None:
    object.__setattr__(world.platform, "sandbox", sandbox)


def events(text: str) -> list[dict[str, Any]]:
    """Each frame as its fields, its data read."""
    frames = [
        dict(line.split(": ", 1) for line in frame.splitlines()) for frame in text.split("\n\n") if frame
    ]
    return [frame | {"data": json.loads(frame["data"])} for frame in frames]


async def test_one_job_answers_its_verdict(world: World, client: Client) -> None:
    async with client() as http:
        answer = await http.post("/validate", json=HELLO)
    assert answer.status_code == 200
    assert answer.json()["id"] == "1"
    assert answer.json()["verdict"]["outcome"] == "ACCEPTED"


async def test_a_small_batch_answers_in_the_order_of_its_jobs(world: World, client: Client) -> None:
    use(world, SlowSandbox())
    jobs = [{"id": "a", **HELLO}, {"id": "b", "program": "wrong"}, HELLO]
    async with client() as http:
        answer = await http.post("/validate", json={"jobs": jobs})
    body = answer.json()
    assert [verdict["id"] for verdict in body["verdicts"]] == ["a", "b", "3"]
    assert body["accepted"] == 2


async def test_a_stream_gives_every_verdict_once_and_an_end(world: World, client: Client) -> None:
    jobs = [{"id": f"job {n}", "program": f"print({n})"} for n in range(100)]
    async with client() as http:
        answer = await http.post("/validate", json={"jobs": jobs})
    assert answer.headers["content-type"].startswith("text/event-stream")
    *verdicts, end = events(answer.text)
    assert [event["id"] for event in verdicts] == [str(n) for n in range(1, 101)]
    assert sorted(event["data"]["id"] for event in verdicts) == sorted(job["id"] for job in jobs)
    assert end == {"event": "end", "data": {"jobs": 100, "accepted": 100}}


async def test_a_small_batch_streams_when_asked(client: Client) -> None:
    async with client() as http:
        answer = await http.post("/validate", json={"jobs": [HELLO]}, headers={"Accept": "text/event-stream"})
    assert [event["event"] for event in events(answer.text)] == ["verdict", "end"]


async def test_what_is_wrong_is_named_as_the_caller_wrote_it(client: Client) -> None:
    async with client() as http:
        nested = await http.post("/validate", json={"jobs": [HELLO, {"program": "x", "stdin": 3}]})
        single = await http.post("/validate", json={**HELLO, "limits": {"wall_s": -1}})
        formless = await http.post("/validate", json={"jobs": [{"id": "x"}]})
        many = await http.post("/validate", json={"jobs": [HELLO] * (MAX_JOBS + 1)})
        tests = await http.post(
            "/validate", json={"prompt": "def f(:", "completion": "", "test": "", "entry_point": "f"}
        )
    assert nested.status_code == single.status_code == formless.status_code == many.status_code == 422
    assert nested.json()["errors"][0]["field"] == "jobs.1.stdin"
    assert single.json()["errors"][0]["field"] == "limits.wall_s"
    assert formless.json()["errors"][0]["field"] == "jobs.0"
    assert many.json()["errors"][0]["field"] == "jobs"
    assert tests.json()["errors"][0]["field"] == "prompt"


async def test_overload_is_refused_with_when_to_come_back(world: World, client: Client) -> None:
    sandbox = SlowSandbox()
    use(world, sandbox)
    async with client(validate_room=2) as http:
        slow = asyncio.create_task(http.post("/validate", json={"program": "slow"}))
        await until(lambda: len(sandbox.jobs) == 1)
        refused = await http.post("/validate", json={"jobs": [HELLO, HELLO]})
        fits = await http.post("/validate", json=HELLO)
        slow.cancel()
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert refused.json()["retryable"] is True
    assert fits.status_code == 200


async def test_a_client_that_goes_away_takes_its_jobs_along(world: World, server: Client) -> None:
    sandbox = SlowSandbox()
    use(world, sandbox)
    async with server() as http:
        with contextlib.suppress(httpx.ReadTimeout):
            await http.post("/validate", json={"program": "slow 1"}, timeout=0.5)
        await until(lambda: sandbox.cancelled == 1)
        async with http.stream(
            "POST",
            "/validate",
            json={"jobs": [HELLO, {"program": "slow 2"}]},
            headers={"Accept": "text/event-stream"},
        ) as answer:
            assert (await anext(answer.aiter_lines())) == "id: 1"
        await until(lambda: sandbox.cancelled == 2)


async def test_the_document_describes_the_forms(client: Client) -> None:
    async with client() as http:
        document = (await http.get("/openapi.json")).json()
    operation = document["paths"]["/validate"]["post"]
    assert {"200", "413", "422", "429"} <= operation["responses"].keys()
    assert "ProgramForm" in document["components"]["schemas"]
