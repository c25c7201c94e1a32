"""Programs are grouped by what they do on the inputs that somebody can handle."""

from __future__ import annotations

from qlayer.sandbox.base import SandboxJob, SandboxResult, ValuesJob
from qlayer.sandbox.fake import FakeSandbox, result_of, unsafe_in_process
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Outcome
from qlayer.validation.behaviour import Behaviour, Output, Program, cluster, compare

INPUTS = ("(1,)", "(2,)", "(-1,)", "('x',)")


def program(body: str) -> Program:
    return Program(
        tree=SourceTree(files={"m.py": f"def f(n):\n    {body}\n".encode()}), module="m", function="f"
    )


async def clusters_of(*bodies: str, inputs: tuple[str, ...] = INPUTS):  # type: ignore[no-untyped-def]
    async with FakeSandbox(unsafe_in_process) as sandbox:
        return await compare([program(body) for body in bodies], inputs, sandbox)


async def test_equal_behaviour_is_one_group_and_the_largest_comes_first() -> None:
    seen = await clusters_of("return n * 3", "return n + n", "return 2 * n", "return n * 2.0")
    assert seen.groups == ((1, 2), (0,), (3,))
    assert seen.group_of(2) == (1, 2)


async def test_an_input_that_all_fail_on_says_nothing() -> None:
    seen = await clusters_of("return 1 // (n > 0)", "return 1 if n > 0 else [][0]", inputs=("(1,)", "(-1,)"))
    assert seen.inputs == ("(1,)",)
    assert seen.left_out == 1
    assert seen.groups == ((0, 1),)
    assert seen.crash_free == (1.0, 1.0)


async def test_a_crash_on_an_input_that_others_handle_counts() -> None:
    seen = await clusters_of("return abs(n)", "return [0, 1, 2][n] if n > 0 else 1 // 0", inputs=INPUTS[:3])
    assert seen.groups == ((0,), (1,))
    assert seen.crash_free == (1.0, 2 / 3)


async def test_the_shortest_input_with_two_answers_is_the_question() -> None:
    inputs = ("(10,)", "(-3,)", "(4,)")
    seen = await clusters_of("return n", "return n", "return 1 // 0 if n == 4 else abs(n)", inputs=inputs)
    assert seen.disagreement is not None
    assert seen.disagreement.args == "(-3,)"
    assert seen.disagreement.outputs == ("-3", "3")


async def test_no_question_without_a_difference() -> None:
    assert (await clusters_of("return n", "return n")).disagreement is None


async def test_the_order_of_sets_and_the_last_digits_of_floats_do_not_matter() -> None:
    seen = await clusters_of(
        "return {1, 2, 3}, 0.1 + 0.2, {'a': 1, 'b': 2}",
        "return {3, 2, 1}, 0.3, {'b': 2, 'a': 1}",
        "return [1, 2, 3], 0.3, {'a': 1, 'b': 2}",
        inputs=("(1,)",),
    )
    assert seen.groups == ((0, 1), (2,))


async def test_a_program_that_does_not_load_stands_alone() -> None:
    seen = await clusters_of("return n", "return (", inputs=("(1,)",))
    assert seen.groups == ((0,), (1,))
    assert seen.crash_free == (1.0, 0.0)


def test_without_inputs_nothing_can_be_told_apart() -> None:
    seen = cluster([Behaviour(outputs=()), Behaviour(outputs=())], ())
    assert seen.groups == ((0, 1),)
    assert seen.crash_free == (0.0, 0.0)


def test_a_value_and_a_failure_of_the_same_text_differ() -> None:
    value, failure = Output(value="ValueError"), Output(failure="ValueError")
    seen = cluster([Behaviour(outputs=(value,)), Behaviour(outputs=(failure,))], ("(1,)",))
    assert len(seen.groups) == 2


async def test_calls_share_a_process_until_one_does_not_come_back() -> None:
    def answer(job: SandboxJob) -> SandboxResult:
        assert isinstance(job, ValuesJob)
        if job.fresh_process or b"while" not in dict(job.tree.files)["m.py"]:
            return unsafe_in_process(job)
        return result_of(job.model_copy(update={"cases": job.cases[:1]}), Outcome.CPU_LIMIT)

    async with FakeSandbox(answer) as sandbox:
        seen = await compare([program("return n"), program("return n # while")], INPUTS, sandbox)
        assert seen.groups == ((0, 1),)
        assert [job.fresh_process for job in sandbox.jobs if isinstance(job, ValuesJob)] == [
            False,
            False,
            True,
        ]


async def test_equal_programs_are_run_once_and_all_counted() -> None:
    async with FakeSandbox(unsafe_in_process) as sandbox:
        seen = await compare([program("return n")] * 3, INPUTS, sandbox)
        assert (seen.groups, len(sandbox.jobs)) == (((0, 1, 2),), 1)


async def test_whole_floats_equal_integers_and_all_refusals_are_one_answer() -> None:
    seen = await clusters_of(
        "return 4 if n > 0 else [][0]",
        "return 4.0 if n > 0 else 1 // 0",
        "return n",
        inputs=("(4,)", "(-1,)"),
    )
    assert seen.groups == ((0, 1), (2,))
    assert (await clusters_of("return True", "return 1")).groups == ((0,), (1,))
    assert (await clusters_of("return 12345678901", "return 12345678901.0")).groups == ((0, 1),)


async def test_consensus_bears_a_difference_at_the_edge() -> None:
    """Three right programs differ on -1 alone; two wrong ones are the same and the largest group."""
    right = (
        "return n * n if n > 0 else 0",
        "return n * n if n > 0 else 1",
        "return n * n if n > 0 else 1 // 0",
    )
    seen = await clusters_of(*right, "return n", "return +n", inputs=("(2,)", "(3,)", "(5,)", "(-1,)"))
    assert seen.groups[0] == (3, 4)
    assert min(seen.consensus[:3]) > max(seen.consensus[3:])


async def test_small_inputs_are_run_first() -> None:
    async with FakeSandbox(unsafe_in_process) as sandbox:
        inputs = ("(90, [])", "(3, [7])", "(3, [])", "('',)")
        seen = await compare([program("return n")], inputs, sandbox)
        (job,) = sandbox.jobs
        assert isinstance(job, ValuesJob)
        assert [case.args for case in job.cases] == ["('',)", "(3, [])", "(3, [7])", "(90, [])"]
        assert seen.inputs == ("('',)",)
