"""What a slot's candidates are run on to be compared: calls with drawn arguments, or drawn requests."""

from __future__ import annotations

from collections.abc import Sequence

from qlayer.sandbox.base import Limits, MiB, Sandbox, ValuesJob
from qlayer.sandbox.retrying import RetryingSandbox
from qlayer.types.check import Case, CasesPlan, CheckPlan, HttpPlan
from qlayer.types.frozen import Frozen
from qlayer.types.source import SourceTree
from qlayer.types.spec import Example
from qlayer.validation.behaviour import Behaviour, Program, behaviour_in, observe
from qlayer.validation.inputs.draw import draw_inputs
from qlayer.validation.inputs.requests import draw_requests

INPUTS = 50
"""Drawn for each slot, with the same seed for all its candidates."""
REQUEST_LIMITS = Limits(wall_s=60.0, cpu_s=30.0, memory_bytes=768 * MiB)
"""For all requests to one candidate together: a web framework's import alone takes seconds."""


class Trials(Frozen):
    """Inputs for every candidate of one slot. Without inputs nothing can be compared."""

    module: str
    function: str
    inputs: tuple[str, ...] = ()
    """Argument tuples, or requests, as literals."""
    http: HttpPlan | None = None
    """The trusted requests that come before the drawn ones, when inputs are requests."""


def trials_for(
    module: str,
    function: str,
    head: str,
    brief: str,
    examples: Sequence[Example],
    checks: Sequence[CheckPlan],
    *,
    count: int = INPUTS,
    seed: int = 0,
) -> Trials:
    """Requests for what trusted requests reach; calls for what is called by value, or by nothing so far."""
    http = next((plan for plan in checks if isinstance(plan, HttpPlan) and plan.trusted), None)
    if http is None or any(isinstance(plan, CasesPlan) and plan.trusted for plan in checks):
        inputs = draw_inputs(head, examples, count=count, seed=seed, brief=brief)
        return Trials(module=module, function=function, inputs=inputs)
    drawn = draw_requests(http.cases, count=count, seed=seed)
    requests = tuple(case.kwargs for case in drawn)
    return Trials(module=http.module, function=http.app, inputs=requests, http=http)


async def run_trials(trials: Trials, tree: SourceTree, sandbox: Sandbox) -> Behaviour:
    """What one candidate does with every input. Raises `SandboxError`."""
    steady = RetryingSandbox(sandbox)
    if trials.http is None:
        program = Program(tree=tree, module=trials.module, function=trials.function)
        return await observe(program, trials.inputs, steady)
    before = tuple(case.model_copy(update={"expected": None}) for case in trials.http.cases)
    drawn = tuple(
        Case(name=f"drawn {number}", function=trials.function, kwargs=request)
        for number, request in enumerate(trials.inputs)
    )
    job = ValuesJob(tree=tree, module=trials.module, cases=(*before, *drawn), driver="asgi")
    seen = await behaviour_in(job, steady, REQUEST_LIMITS)
    return Behaviour(outputs=seen.outputs[len(before) :])
