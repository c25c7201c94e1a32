"""POST /generate, the listing of runs, and stopping one."""

from __future__ import annotations

import asyncio

import pytest
from rest_world import Client, World, finished, new_id, request_for, until

from qlayer.errors import ConflictError, InputError, LLMUnavailable, NotFoundError, StoreFull
from qlayer.types.choice import Asked, Question
from qlayer.types.ids import RunId
from qlayer.types.run import RunStatus

JSON = {"Content-Type": "application/json"}
SPEC = {"text": "def add(a: int, b: int) -> int\n\nadd(1, 2) == 3"}


async def test_a_request_is_on_record_when_accepted_and_runs_to_its_end(world: World, client: Client) -> None:
    async with client() as http:
        answer = await http.post("/generate", json=SPEC)
        body = answer.json()
        assert answer.status_code == 202
        assert body["created"] is True
        assert answer.headers["Location"] == f"/runs/{body['id']}" == body["links"]["self"]
        record = await world.records.run(body["id"])
        assert record.request.text == SPEC["text"]
        assert record.request.origin == "api"
        assert record.request.budget == world.platform.settings.budget
        await until(lambda: _finished(world, body["id"]))
        shown = (await http.get(f"/runs/{body['id']}")).json()
    assert shown["status"] == "succeeded"
    assert shown["reason"] == "it is done"
    assert [event["body"]["kind"] for event in shown["events"]] == ["submitted", "started", "finished"]


async def test_the_same_key_with_the_same_body_is_one_run(world: World, client: Client) -> None:
    async with client() as http:
        first = await http.post("/generate", json=SPEC, headers={"Idempotency-Key": "k1"})
        again = await http.post("/generate", json=SPEC, headers={"Idempotency-Key": "k1"})
        other = await http.post("/generate", json={"text": "other"}, headers={"Idempotency-Key": "k1"})
        await until(lambda: _finished(world, first.json()["id"]))
    assert again.status_code == 202
    assert (again.json()["id"], again.json()["created"]) == (first.json()["id"], False)
    assert other.status_code == 409
    assert other.headers["content-type"] == "application/problem+json"
    assert world.pipeline.executed == [first.json()["id"]]


async def test_an_extended_request_names_where_it_is_released_to(world: World, client: Client) -> None:
    async with client() as http:
        plain = (await http.post("/generate", json=SPEC)).json()
        staging = (await http.post("/generate-extended", json=SPEC)).json()
        other = (await http.post("/generate-extended", json={**SPEC, "release_to": "production"})).json()
        refused = await http.post("/generate", json={**SPEC, "release_to": "production"})
    wanted = [(await world.records.run(run["id"])).request.release_to for run in (plain, staging, other)]
    assert wanted == [None, "staging", "production"]
    assert refused.status_code == 422


@pytest.mark.parametrize(
    ("body", "field", "limit"),
    [
        ({}, "text", None),
        ({"text": ""}, "text", "length at least 1"),
        ({"text": "x" * 65_537}, "text", "length at most 65,536"),
        ({"text": "f", "budget": {"tokens": 0}}, "budget.tokens", "at least 1"),
        ({"text": "f", "budget": {"seconds": 0}}, "budget.seconds", "more than 0"),
        ({"text": "f", "colour": "red"}, "colour", None),
        ({"text": 7}, "text", None),
        ([1], "body", None),
    ],
)
async def test_what_is_wrong_with_a_body_is_named(
    client: Client, body: object, field: str, limit: str | None
) -> None:
    async with client() as http:
        answer = await http.post("/generate", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["errors"][0]["field"], problem["errors"][0].get("limit")) == (field, limit)
    assert problem["instance"] == "/generate"


async def test_broken_json_is_400_and_says_where(client: Client) -> None:
    async with client() as http:
        answer = await http.post(
            "/generate", content=b'{"text": ', headers={"Content-Type": "application/json"}
        )
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "body"


async def test_a_body_that_is_not_announced_as_json_is_refused(client: Client) -> None:
    async with client() as http:
        answer = await http.post(
            "/generate", content=b'{"text": "f"}', headers={"Content-Type": "text/plain"}
        )
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_of_a_megabyte_is_413(client: Client, announced: bool) -> None:
    async def pieces() -> object:
        for _ in range(64):
            yield b'"' + b"x" * 16_384

    async with client() as http:
        content = b"x" * 1_048_576 if announced else pieces()
        answer = await http.post("/generate", content=content, headers=JSON)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert "65536" in answer.text


async def test_a_text_of_64_kib_is_accepted_however_it_is_escaped(client: Client) -> None:
    body = '{"text": "' + "\\u00e9" * 32_768 + '"}'
    async with client() as http:
        answer = await http.post("/generate", content=body, headers=JSON)
    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("error", "status", "field"),
    [
        (NotFoundError("there is no template 'x'", kind="template"), 422, "template"),
        (NotFoundError("no model 'x'", kind="model"), 422, "model"),
        (InputError("the text is binary", field="text", limit="UTF-8"), 422, "text"),
        (ConflictError("used for another request"), 409, None),
        (StoreFull("no space left"), 507, None),
        (LLMUnavailable("overloaded"), 503, None),
    ],
)
async def test_refusals_of_the_pipeline_become_problems(
    world: World, client: Client, error: Exception, status: int, field: str | None
) -> None:
    world.pipeline.submit_error = error
    async with client() as http:
        answer = await http.post("/generate", json=SPEC)
    assert answer.status_code == status
    assert answer.json()["detail"] == str(error)
    if field is not None:
        assert answer.json()["errors"][0]["field"] == field
    assert (answer.headers.get("Retry-After") is not None) == (status == 503)


async def test_a_defect_is_500_and_shows_nothing_of_the_inside(world: World, client: Client) -> None:
    world.pipeline.submit_error = RuntimeError("secret-of-the-inside")
    async with client() as http:
        answer = await http.post("/generate", json=SPEC)
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret-of-the-inside" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("DELETE", "/runs", 405),
        ("GET", "/runs/run-000000000000-00000000", 404),
        ("GET", "/runs/../../etc/passwd", 404),
        ("GET", "/runs/not-a-run", 422),
        ("GET", "/runs?limit=0", 422),
        ("GET", "/runs?limit=201", 422),
        ("GET", "/runs?limit=many", 422),
        ("POST", "/runs/run-000000000000-00000000/cancel", 404),
        ("GET", "/capsules/zzzzzz", 422),
        ("GET", "/capsules/abcdef", 404),
    ],
)
async def test_every_wrong_path_is_a_problem(client: Client, method: str, path: str, status: int) -> None:
    async with client() as http:
        answer = await http.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


async def test_runs_are_paged_newest_first(world: World, client: Client) -> None:
    ids = []
    for number in range(5):
        run_id = RunId(f"run-{number:012x}-00000000")
        await world.records.submit(run_id, request_for())
        await world.records.append(run_id, finished())
        ids.append(run_id)
    seen: list[str] = []
    async with client() as http:
        page = (await http.get("/runs", params={"limit": 2})).json()
        seen += [row["id"] for row in page["runs"]]
        while page["next"] is not None:
            page = (await http.get("/runs", params={"limit": 2, "before": page["next"]})).json()
            seen += [row["id"] for row in page["runs"]]
    assert seen == list(reversed(ids))


async def test_a_run_can_be_cancelled_once(world: World, client: Client) -> None:
    world.pipeline.work = lambda _: asyncio.Event().wait()  # type: ignore[assignment,return-value]
    run_id, _ = await world.records.submit(new_id(), request_for())
    async with client() as http:
        first = await http.post(f"/runs/{run_id}/cancel")
        again = await http.post(f"/runs/{run_id}/cancel")
    assert first.status_code == 202
    assert first.json()["status"] == RunStatus.CANCELLED
    assert again.status_code == 409


async def test_the_question_of_a_run_is_answered_once(world: World, client: Client) -> None:
    world.pipeline.work = lambda _: asyncio.Event().wait()  # type: ignore[assignment,return-value]
    run_id, _ = await world.records.submit(new_id(), request_for())
    question = Question(function="f", args="(1,)", answers=("1", "2"), attempts=(0, 1))
    async with client() as http:
        path = f"/runs/{run_id}/answers"
        early = await http.post(path, json={"expected": "2"})
        await world.records.append(run_id, Asked(slot="f", question=question, wait_s=60.0))
        wrong = await http.post(path, json={"expected": "the second"})
        right = await http.post(path, json={"expected": "2"})
        late = await http.post(path, json={"expected": "1"})
    assert (early.status_code, wrong.status_code, right.status_code, late.status_code) == (409, 422, 200, 409)
    assert (right.json()["args"], right.json()["expected"]) == ("(1,)", "2")


async def _finished(world: World, run_id: RunId) -> bool:
    return (await world.records.run(run_id)).finished is not None
