"""What every sandbox backend must answer in the modes asgi, split, pytest and program."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sandbox_backends import BACKENDS, CONTAINERS, judge, opened, program, project_tests, request, split, tree

from qlayer.sandbox.base import MiB, ProgramJob, PytestJob, Sandbox, ValuesJob
from qlayer.types.verdict import Attribution, Outcome

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADD = "def add(a, b):\n    return a + b\n"
WRONG_ADD = "def add(a, b):\n    return a - b\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=sorted(BACKENDS | CONTAINERS))
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    async with opened(request.param) as started:
        yield started


# -- ASGI -----------------------------------------------------------------------------------------------

ASGI = """
    import json
    notes = []

    async def app(scope, receive, send):
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        status, answer = 200, {"notes": notes, "query": scope["query_string"].decode()}
        if scope["method"] == "POST":
            notes.append(json.loads(body)["text"])
            status, answer = 201, {"count": len(notes)}
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})
    """


async def test_asgi_requests_share_state_and_are_judged(sandbox: Sandbox) -> None:
    cases = (
        request("POST", "/notes", {"text": "hello"}, {"status": 201, "body": {"count": 1}}),
        request(
            "GET", "/notes?page=2", None, {"status": 200, "body": {"notes": ["hello"], "query": "page=2"}}
        ),
        request("GET", "/notes", None, {"status": 200, "body": {"notes": ["other"]}}),
    )
    job = ValuesJob(tree=tree(main=ASGI), module="main", cases=cases, driver="asgi")
    result = await judge(sandbox, job)
    assert [c.outcome for c in result.cases] == [Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.WRONG_ANSWER], (
        result
    )
    assert result.verdict.outcome is Outcome.WRONG_ANSWER


async def test_asgi_with_fastapi(sandbox: Sandbox) -> None:
    pytest.importorskip("fastapi")
    code = """
        from fastapi import FastAPI, HTTPException

        app = FastAPI()

        @app.get("/double/{number}")
        def double(number: int) -> dict[str, int]:
            if number > 100:
                raise HTTPException(422, "too large")
            return {"result": 2 * number}
        """
    cases = (
        request("GET", "/double/21", None, {"status": 200, "body": {"result": 42}}),
        request("GET", "/double/101", None, {"status": 422}),
    )
    job = ValuesJob(tree=tree(main=code), module="main", cases=cases, driver="asgi")
    result = await judge(sandbox, job)
    assert result.verdict.outcome is Outcome.ACCEPTED, result


# -- split ----------------------------------------------------------------------------------------------

CHECK = """
    def check(candidate):
        assert candidate(2, 3) == 5
        assert candidate([1], [2]) == [1, 2]
    check(add)
    """


async def test_split_accepts_and_refuses(sandbox: Sandbox) -> None:
    good = await judge(sandbox, split(ADD, CHECK))
    assert good.verdict.outcome is Outcome.ACCEPTED, good
    assert not good.verdict.evidence.forgeable
    bad = await judge(sandbox, split(WRONG_ADD, CHECK))
    assert bad.verdict.outcome is Outcome.WRONG_ANSWER, bad


async def test_split_passes_the_candidates_exception_on(sandbox: Sandbox) -> None:
    code = "def add(a, b):\n    raise ValueError('no')\n"
    tests = """
        try:
            add(1, 2)
        except ValueError:
            pass
        else:
            raise AssertionError("expected ValueError")
        """
    assert (await judge(sandbox, split(code, tests))).verdict.outcome is Outcome.ACCEPTED
    assert (await judge(sandbox, split(code, CHECK))).verdict.outcome is Outcome.RUNTIME_ERROR


async def test_split_blames_broken_tests_on_the_tests(sandbox: Sandbox) -> None:
    result = await judge(sandbox, split(ADD, "assert undefined_name == add(1, 2)\n"))
    assert not result.verdict.accepted
    assert result.verdict.attribution is Attribution.TESTS, result


async def test_split_stops_a_candidate_that_hangs(sandbox: Sandbox) -> None:
    code = "import time\ndef add(a, b):\n    time.sleep(600)\n"
    assert (await judge(sandbox, split(code, CHECK), wall_s=1.0)).verdict.outcome is Outcome.WALL_LIMIT


# -- pytest ---------------------------------------------------------------------------------------------

TWO_TESTS = """
    import pytest
    from main import add

    def test_numbers():
        assert add(2, 3) == 5

    def test_lists():
        assert add([1], [2]) == [1, 2]
    """


async def test_pytest_accepts_and_says_that_it_is_forgeable(sandbox: Sandbox) -> None:
    result = await judge(sandbox, project_tests(TWO_TESTS, "test_numbers", "test_lists", main=ADD))
    assert result.verdict.outcome is Outcome.ACCEPTED, result
    assert result.verdict.evidence.forgeable
    assert [c.name for c in result.cases] == [
        "tests/test_it.py::test_numbers",
        "tests/test_it.py::test_lists",
    ]


async def test_pytest_names_what_failed(sandbox: Sandbox) -> None:
    code = "def add(a, b):\n    return 5\n"
    result = await judge(sandbox, project_tests(TWO_TESTS, "test_numbers", "test_lists", main=code))
    assert result.verdict.outcome is Outcome.WRONG_ANSWER, result
    assert [c.outcome for c in result.cases] == [Outcome.ACCEPTED, Outcome.WRONG_ANSWER]


async def test_pytest_misses_a_test_that_is_not_there(sandbox: Sandbox) -> None:
    result = await judge(sandbox, project_tests(TWO_TESTS, "test_numbers", "test_absent", main=ADD))
    assert result.verdict.outcome is Outcome.INCOMPLETE, result


async def test_pytest_skipped_is_not_passed(sandbox: Sandbox) -> None:
    tests = "import pytest\n@pytest.mark.skip\ndef test_it():\n    pass\n"
    assert (await judge(sandbox, project_tests(tests, "test_it"))).verdict.outcome is Outcome.INCOMPLETE


async def test_pytest_reported_twice_is_not_passed(sandbox: Sandbox) -> None:
    tests = """
        from _pytest.reports import TestReport

        def test_it(request):
            node = request.node
            for when in ("setup", "call", "teardown"):
                report = TestReport(node.nodeid, node.location, {}, "passed", None, when)
                request.config.hook.pytest_runtest_logreport(report=report)
        """
    result = await judge(sandbox, project_tests(tests, "test_it"))
    assert result.verdict.outcome in (Outcome.POLICY_VIOLATION, Outcome.INCOMPLETE), result


async def test_pytest_that_cannot_be_collected(sandbox: Sandbox) -> None:
    result = await judge(sandbox, project_tests("def test_it(:\n    pass\n", "test_it"))
    assert result.verdict.outcome in (Outcome.COMPILE_ERROR, Outcome.INCOMPLETE), result


async def test_pytest_with_no_expected_test_is_not_a_pass(sandbox: Sandbox) -> None:
    job = PytestJob(tree=tree(test_it="def test_it():\n    pass\n"), paths=("test_it.py",), expected_tests=())
    assert not (await judge(sandbox, job)).verdict.accepted


# -- programs -------------------------------------------------------------------------------------------


async def test_program_output_is_compared_by_bytes(sandbox: Sandbox) -> None:
    code = "import sys\nprint(sys.stdin.read().upper() + sys.argv[1])\n"
    right = program(code, argv=("x y",), stdin=b"hello ", expected_stdout=b"HELLO x y\n")
    result = await judge(sandbox, right)
    assert result.verdict.outcome is Outcome.ACCEPTED, result
    wrong = right.model_copy(update={"expected_stdout": b"HELLO x y"})
    assert (await judge(sandbox, wrong)).verdict.outcome is Outcome.WRONG_ANSWER


async def test_program_status_and_signals(sandbox: Sandbox) -> None:
    failed = await judge(sandbox, program("import sys\nsys.exit(3)\n"))
    assert failed.verdict.outcome is Outcome.RUNTIME_ERROR
    killed = await judge(sandbox, program("import os\nos.kill(os.getpid(), 9)\n"))
    assert killed.verdict.outcome is Outcome.SIGNALLED, killed
    raised = await judge(sandbox, program("print('before')\nprint(1 / 0)\n"))
    assert raised.verdict.outcome is Outcome.RUNTIME_ERROR
    assert raised.stdout == b"before\n"
    assert b"ZeroDivisionError" in raised.stderr


async def test_program_does_not_have_to_read_its_input(sandbox: Sandbox) -> None:
    result = await judge(sandbox, program("print('done')\n", stdin=b"x" * (4 * MiB)))
    assert result.verdict.outcome is Outcome.ACCEPTED, result


async def test_a_program_that_is_not_in_the_tree(sandbox: Sandbox) -> None:
    result = await judge(sandbox, ProgramJob(tree=tree(other="pass\n"), path="main.py"))
    assert not result.verdict.accepted


async def test_program_reads_the_other_files_of_its_tree(sandbox: Sandbox) -> None:
    files = tree(
        main="import sibling\nprint(sibling.NAME, open('data.txt').read())\n", sibling="NAME = 'here'\n"
    )
    job = ProgramJob(
        tree=files.with_files({"data.txt": "too"}), path="main.py", expected_stdout=b"here too\n"
    )
    result = await judge(sandbox, job)
    assert result.verdict.outcome is Outcome.ACCEPTED, result
