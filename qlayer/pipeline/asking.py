"""A tie between candidates, put to the person who watches; the answer is a trusted example of the run.

The question and its answer are events of the record. Whoever watches answers by `answer`, which adds the
answer under the step that the loop waits for: the first answer counts, the loop's own "nobody" included.
"""

from __future__ import annotations

import ast
import asyncio
from dataclasses import dataclass

from qlayer.errors import ConflictError, InputError
from qlayer.generation.base import Skeleton
from qlayer.pipeline.attempts import Examiner
from qlayer.pipeline.budget import BudgetMeter
from qlayer.pipeline.journal import Journal, step_key
from qlayer.pipeline.work import Work
from qlayer.store.base import Records
from qlayer.types.choice import Answered, Asked, Question, Selected, answers_plans
from qlayer.types.ids import Digest, RunId
from qlayer.types.run import RunRecord

POLL_S = 0.2
MAX_QUESTIONS = 3
"""For one slot: more would be a test suite to write by hand."""


@dataclass(frozen=True)
class Asker:
    """Asks, waits, and puts the answer into force. Waiting costs nothing of the budget."""

    records: Records
    journal: Journal
    meter: BudgetMeter
    wait_s: float

    async def settle(self, work: Work, selected: Selected, examiner: Examiner) -> bool:
        """Put the choice's question; False when it is not for people, or was not answered.

        After an answer `work.slot` has it among its trusted checks, and all attempts are checked by it.
        """
        if selected.question is None or work.comparison.trials.http is not None:
            return False
        if len(work.answers) >= MAX_QUESTIONS:
            return False
        answered = await self._answer(work.slot.name, selected.question)
        if answered.case is None:
            return False
        work.answers.append(answered)
        plan = answers_plans(work.answers, {work.slot.name: work.slot.module})[work.slot.name]
        others = tuple(check for check in work.slot.checks if check.name != plan.name)
        work.slot = work.slot.model_copy(update={"checks": (*others, plan)})
        before, work.attempts = work.attempts, []
        for attempt in before:
            work.attempts.append(await examiner.again(attempt, work.slot, work.attempts))
        return True

    async def _answer(self, slot: str, question: Question) -> Answered:
        async def ask() -> Asked:
            return Asked(slot=slot, question=question, wait_s=self.wait_s)

        async def wait() -> Answered:
            try:
                with self.meter.paused():
                    async with asyncio.timeout(self.wait_s):
                        # Nothing signals it: whoever answers may be another process.
                        while (event := await self.records.step(self.journal.run_id, key)) is None:  # noqa: ASYNC110
                            await asyncio.sleep(POLL_S)
            except TimeoutError:
                return Answered(slot=slot, function=question.function, args=question.args, expected=None)
            assert isinstance(event.body, Answered)
            return event.body

        inputs = _identity(slot, question)
        key = step_key("answer", inputs)
        await self.journal.step("ask", inputs, Asked, ask)
        return await self.journal.step("answer", inputs, Answered, wait)


def with_answers(skeleton: Skeleton, record: RunRecord) -> Skeleton:
    """The skeleton with what people answered during the run among its trusted checks."""
    answers = [event.body for event in record.events if isinstance(event.body, Answered)]
    modules = {slot.name: slot.module for slot in skeleton.slots}
    plans = answers_plans(answers, modules)
    slots = (
        slot.model_copy(update={"checks": (*slot.checks, plans[slot.name])}) if slot.name in plans else slot
        for slot in skeleton.slots
    )
    return skeleton.model_copy(update={"slots": tuple(slots), "final": (*skeleton.final, *plans.values())})


def open_question(record: RunRecord) -> Asked | None:
    """What the run waits for somebody to answer."""
    bodies = [event.body for event in record.events]
    asked = next((body for body in reversed(bodies) if isinstance(body, Asked)), None)
    if asked is None or record.finished is not None:
        return None
    answered = {(body.slot, body.args) for body in bodies if isinstance(body, Answered)}
    return None if (asked.slot, asked.question.args) in answered else asked


async def answer(
    records: Records, run_id: RunId, expected: str | None, *, raises: bool = False, who: str
) -> Answered:
    """Answer the question that a run waits with; the first answer stays.

    `expected` is a literal, or an exception's name with `raises`; None: it cannot be said. Raises
    `InputError` (no literal), `ConflictError` (no question is open), `NotFoundError`.
    """
    asked = open_question(await records.run(run_id))
    if asked is None:
        raise ConflictError(f"{run_id} waits for no answer", hint="it went on, or has not asked yet")
    if expected is not None:
        _check(expected, raises)
    question = asked.question
    body = Answered(
        slot=asked.slot,
        function=question.function,
        args=question.args,
        expected=expected,
        raises=raises,
        who=who,
    )
    key: Digest = step_key("answer", _identity(asked.slot, question))
    event = await records.append(run_id, body, step=key)
    assert isinstance(event.body, Answered)
    return event.body


def _check(expected: str, raises: bool) -> None:
    if raises:
        if not expected.isidentifier():
            raise InputError(f"{expected!r} is no exception's name", field="expected")
        return
    try:
        ast.literal_eval(expected)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        raise InputError(
            f"{expected!r} is no plain value", field="expected", limit="a Python literal"
        ) from None


def _identity(slot: str, question: Question) -> list[str]:
    return [slot, question.function, question.args]
