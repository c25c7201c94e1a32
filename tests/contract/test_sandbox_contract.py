"""What every sandbox backend must answer: one exact outcome per kind of program, with its evidence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sandbox_backends import BACKENDS, CONTAINERS, FAKES, case, judge, opened, program, split, values

from qlayer.sandbox.base import MiB, Sandbox, SandboxJob, ValuesJob
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Attribution, Outcome

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADD = "def add(a, b):\n    return a + b\n"
WRONG_ADD = "def add(a, b):\n    return a - b\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=sorted(BACKENDS | CONTAINERS))
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    async with opened(request.param) as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=sorted(BACKENDS | CONTAINERS | FAKES))
async def by_value(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    """Where calls can be judged by value: every backend, and the fake."""
    async with opened(request.param) as started:
        yield started


# -- values ---------------------------------------------------------------------------------------------


async def test_right_values_are_accepted(by_value: Sandbox) -> None:
    job = values(ADD, case("add(2, 3)", "5"), case("add([1], [2])", "[1, 2]"), case("add('a', 'b')", "'ab'"))
    result = await judge(by_value, job)
    assert result.verdict.outcome is Outcome.ACCEPTED, result
    assert [c.outcome for c in result.cases] == [Outcome.ACCEPTED] * 3
    assert [c.name for c in result.cases] == [c.name for c in job.cases]
    assert result.cases[0].returned == "5"


async def test_a_wrong_value_is_a_wrong_answer_of_its_case(by_value: Sandbox) -> None:
    result = await judge(by_value, values(WRONG_ADD, case("add(2, 0)", "2"), case("add(2, 3)", "5")))
    assert result.verdict.outcome is Outcome.WRONG_ANSWER
    assert result.verdict.attribution is Attribution.PROGRAM
    assert [c.outcome for c in result.cases] == [Outcome.ACCEPTED, Outcome.WRONG_ANSWER]
    assert result.cases[1].returned == "-1"


async def test_no_cases_only_import(by_value: Sandbox) -> None:
    assert (await judge(by_value, values("VALUE = 1\n"))).verdict.outcome is Outcome.ACCEPTED


async def test_each_case_has_its_own_error(sandbox: Sandbox) -> None:
    code = """
        def pick(index):
            items = [10, 20]
            return items[index]
        """
    result = await judge(
        sandbox, values(code, case("pick(0)", "10"), case("pick(7)", "0"), case("pick(1)", "20"))
    )
    assert result.verdict.outcome is Outcome.RUNTIME_ERROR
    assert [c.outcome for c in result.cases] == [Outcome.ACCEPTED, Outcome.RUNTIME_ERROR, Outcome.ACCEPTED]
    error = result.cases[1].error
    assert error is not None and error.type == "IndexError"
    assert (error.path, error.line) == ("main.py", 4)


async def test_a_case_may_ask_for_an_exception(by_value: Sandbox) -> None:
    code = "def fail(text):\n    raise ValueError(text)\n"
    good = await judge(by_value, values(code, case("fail('x')", raises="ValueError")))
    assert good.verdict.outcome is Outcome.ACCEPTED
    other = await judge(by_value, values(code, case("fail('x')", raises="KeyError")))
    assert not other.verdict.accepted
    returned = await judge(by_value, values(ADD, case("add(1, 2)", raises="ValueError")))
    assert returned.verdict.outcome is Outcome.WRONG_ANSWER


@pytest.mark.parametrize(
    ("returned", "expected", "equal"),
    [
        ("(1, 2)", "(1, 2)", True),
        ("[1, 2]", "(1, 2)", False),
        ("(1, 2)", "[1, 2]", False),
        ("True", "1", False),
        ("1", "True", False),
        ("[1, True]", "[1, 1]", False),
        ("{1: 'a'}", "{True: 'a'}", False),
        ("{1, 2}", "{2, 1}", True),
        ("b'x'", "'x'", False),
        ("None", "None", True),
        ("None", "0", False),
        ("2 ** 80", "1208925819614629174706176", True),
        ("'\\ud800 \\x00 é'", "'\\ud800 \\x00 é'", True),
        ("{'b': 1, 'a': 2}", "{'a': 2, 'b': 1}", True),
        ("float('inf')", "1e999", True),
    ],
)
async def test_types_are_exact(by_value: Sandbox, returned: str, expected: str, equal: bool) -> None:
    result = await judge(by_value, values(f"def give():\n    return {returned}\n", case("give()", expected)))
    assert result.verdict.outcome is (Outcome.ACCEPTED if equal else Outcome.WRONG_ANSWER), result


async def test_floats_may_have_a_tolerance(by_value: Sandbox) -> None:
    code = "def third():\n    return 1 / 3\n"
    near = await judge(by_value, values(code, case("third()", "0.33333", rel_tol=1e-4)))
    exact = await judge(by_value, values(code, case("third()", "0.33333")))
    assert (near.verdict.outcome, exact.verdict.outcome) == (Outcome.ACCEPTED, Outcome.WRONG_ANSWER)


async def test_a_missing_function_is_not_a_pass(by_value: Sandbox) -> None:
    result = await judge(by_value, values(ADD, case("subtract(2, 3)", "-1")))
    assert result.verdict.outcome is Outcome.RUNTIME_ERROR


async def test_cases_share_one_process_and_runs_do_not(sandbox: Sandbox) -> None:
    job = values(
        "seen = []\ndef count():\n    seen.append(0)\n    return len(seen)\n",
        case("count()", "1"),
        case("count()", "2"),
    )
    for _ in range(2):
        assert (await judge(sandbox, job)).verdict.outcome is Outcome.ACCEPTED


async def test_a_package_below_src_is_importable(sandbox: Sandbox) -> None:
    job = ValuesJob(
        tree=SourceTree().with_files(
            {
                "src/shop/__init__.py": "",
                "src/shop/price.py": "PRICE = 3\n",
                "src/shop/cart.py": "from shop.price import PRICE\ndef total(n):\n    return n * PRICE\n",
            }
        ),
        module="shop.cart",
        cases=(case("total(4)", "12"),),
    )
    assert (await judge(sandbox, job)).verdict.outcome is Outcome.ACCEPTED


# -- programs that cannot start -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def add(a, b)\n    return a + b\n", Outcome.COMPILE_ERROR),
        ("import no_such_module_anywhere\n", Outcome.DEPENDENCY_ERROR),
        ("raise ValueError('at import')\n", Outcome.RUNTIME_ERROR),
    ],
    ids=["syntax", "missing module", "raises"],
)
@pytest.mark.parametrize("mode", ["values", "split", "program"])
async def test_a_module_that_cannot_be_loaded(
    sandbox: Sandbox, mode: str, code: str, expected: Outcome
) -> None:
    jobs: dict[str, SandboxJob] = {
        "values": values(code, case("add(2, 3)", "5")),
        "split": split(code, "assert add(2, 3) == 5\n"),
        "program": program(code),
    }
    result = await judge(sandbox, jobs[mode])
    assert result.verdict.outcome is expected, result
    assert result.verdict.attribution is Attribution.PROGRAM
    assert result.verdict.cause


# -- limits ---------------------------------------------------------------------------------------------


async def test_wall_limit_keeps_partial_output(sandbox: Sandbox) -> None:
    code = "import time\nprint('so far', flush=True)\ntime.sleep(600)\n"
    result = await judge(sandbox, program(code), wall_s=1.0)
    assert result.verdict.outcome is Outcome.WALL_LIMIT, result
    assert result.stdout == b"so far\n"
    assert result.verdict.evidence.limit


async def test_a_limit_keeps_the_cases_before_it(sandbox: Sandbox) -> None:
    code = "import time\ndef wait(seconds):\n    time.sleep(seconds)\n    return seconds\n"
    result = await judge(sandbox, values(code, case("wait(0)", "0"), case("wait(600)", "600")), wall_s=1.0)
    assert result.verdict.outcome is Outcome.WALL_LIMIT
    assert result.cases[0].outcome is Outcome.ACCEPTED
    assert all(c.outcome is not Outcome.ACCEPTED for c in result.cases[1:])


async def test_cpu_limit(sandbox: Sandbox) -> None:
    result = await judge(sandbox, program("while True:\n    pass\n"), cpu_s=0.5)
    assert result.verdict.outcome is Outcome.CPU_LIMIT, result
    assert result.usage.cpu_s >= 0.45


async def test_memory_limit(sandbox: Sandbox) -> None:
    code = "blocks = []\nwhile True:\n    blocks.append(b'x' * (1 << 20))\n"
    result = await judge(sandbox, program(code), memory_bytes=64 * MiB)
    assert result.verdict.outcome is Outcome.MEMORY_LIMIT, result
    assert result.verdict.evidence.limit


async def test_output_limit_keeps_the_first_part(sandbox: Sandbox) -> None:
    code = "import sys\nwhile True:\n    sys.stdout.write('y' * 4096)\n"
    result = await judge(sandbox, program(code), output_bytes=10_000)
    assert result.verdict.outcome is Outcome.OUTPUT_LIMIT, result
    assert 0 < len(result.stdout) <= 10_000 and set(result.stdout) == {ord("y")}


async def test_process_limit(sandbox: Sandbox) -> None:
    code = "import os, time\nfor _ in range(60):\n    if os.fork() == 0:\n        time.sleep(600)\n"
    result = await judge(sandbox, program(code), processes=10)
    assert result.verdict.outcome is Outcome.PROCESS_LIMIT, result


# -- all of them ----------------------------------------------------------------------------------------


async def test_ten_at_once_do_not_mix(sandbox: Sandbox) -> None:
    jobs = [
        values(f"def give():\n    return {n}\n", case("give()", str(n if n % 3 else -1))) for n in range(10)
    ]
    results = await asyncio.gather(*(judge(sandbox, job) for job in jobs))
    assert [r.cases[0].returned for r in results] == [str(n) for n in range(10)]
    assert [r.verdict.accepted for r in results] == [n % 3 != 0 for n in range(10)]


async def test_usage_comes_with_every_verdict(sandbox: Sandbox) -> None:
    code = "print('x' * 100)\nblock = b'x' * (32 << 20)\nprint(sum(range(10**6)) > 0)\n"
    usage = (await judge(sandbox, program(code))).usage
    assert usage.wall_s > 0 and usage.cpu_s > 0
    assert usage.output_bytes == 106
    assert 32 * MiB < usage.memory_peak_bytes < 256 * MiB


async def test_every_verdict_names_its_isolation(sandbox: Sandbox) -> None:
    evidence = (await judge(sandbox, values(ADD, case("add(1, 1)", "2")))).verdict.evidence
    assert evidence.tier is sandbox.info.tier
    assert evidence.backend == sandbox.info.backend
    assert evidence.kernel and evidence.runtime


async def test_the_cause_of_a_wrong_answer_holds_no_expected_value(sandbox: Sandbox) -> None:
    result = await judge(sandbox, values(ADD, case("add(2, 3)", "987654321")))
    assert "987654321" not in result.model_dump_json()
