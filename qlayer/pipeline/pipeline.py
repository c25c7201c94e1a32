"""A run from request to capsule: each step recorded, none done twice, one worker at a time.

`submit` records before it acknowledges. `execute` carries a run to its end from wherever it stopped; it can
be killed at any point and called again, here or on another machine.
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from qlayer import __version__
from qlayer.errors import ConflictError, InputError, LLMUnavailable, NotFoundError, QlayerError
from qlayer.events.base import EventFeed, LiveText
from qlayer.generation.base import Skeleton, Slot
from qlayer.generation.intake import parse_spec
from qlayer.generation.templates import TEMPLATES, choose
from qlayer.llm.base import LLM
from qlayer.packaging.capsule import Capsules
from qlayer.packaging.manifest import build_manifest
from qlayer.pipeline.asking import Asker, answer, with_answers
from qlayer.pipeline.assessing import assess_run
from qlayer.pipeline.attempts import run_in_order
from qlayer.pipeline.budget import BudgetMeter
from qlayer.pipeline.delivering import Delivering
from qlayer.pipeline.ending import cancel_run, finish
from qlayer.pipeline.free import FreeLayout, wants_free_layout
from qlayer.pipeline.journal import Journal
from qlayer.pipeline.learning import Learning
from qlayer.pipeline.lease import held_lease
from qlayer.pipeline.loop import Loop
from qlayer.pipeline.policy import LoopPolicy
from qlayer.pipeline.project import Project
from qlayer.pipeline.proving import Prover
from qlayer.pipeline.releasing import Releasing
from qlayer.pipeline.sampling import Sampler
from qlayer.pipeline.scanning import Scanning
from qlayer.pipeline.work import Larger
from qlayer.sandbox.base import Sandbox
from qlayer.scan.weaknesses import bandit
from qlayer.store.base import Blobs, Records
from qlayer.types.capsule import ModelCard
from qlayer.types.check import CheckResult
from qlayer.types.choice import Answered
from qlayer.types.ids import ModelId, RunId, new_run_id
from qlayer.types.proof import SlotProof
from qlayer.types.run import (
    Decided,
    Packed,
    RunRecord,
    RunRequest,
    RunStatus,
    SkeletonBuilt,
    SpecParsed,
    Started,
)
from qlayer.types.source import SourceTree
from qlayer.types.spec import Spec
from qlayer.validation.assessment import Weaknesses
from qlayer.validation.decision import decide, proves_behaviour

MAX_SESSIONS = 20
"""A run that was started so often and never ended is given up: it may be what kills its workers."""


@dataclass(frozen=True)
class ModelChoice:
    """What the pipeline needs to know of a model beside asking it."""

    card: ModelCard
    policy: LoopPolicy
    escalate_to: ModelId | None = None
    """A larger model that is asked when this one is stuck."""


@dataclass(frozen=True)
class Pipeline:
    """The stages, joined. All parts are given; nothing is reached for."""

    llm: LLM
    sandbox: Sandbox
    blobs: Blobs
    records: Records
    feed: EventFeed
    capsules: Capsules
    default_model: ModelId
    describe: Callable[[ModelId], Awaitable[ModelChoice]]
    """Raises `NotFoundError` for a model that is not known."""
    lease_ttl_s: float = 30.0
    weaknesses: Weaknesses = bandit
    """Looks at what a model wrote; it is shown and decides nothing."""
    scanning: Scanning | None = None
    """Looks at the whole project when it is decided on; None: capsules carry no scan."""
    learning: Learning | None = None
    """People's corrections; None: runs learn nothing."""
    releasing: Releasing | None = None
    """Signs capsules and asks the policy; None: no request may ask for that."""
    delivering: Delivering | None = None
    """Adds the files that build and ship a project; None: capsules hold what template and model wrote."""
    answer_wait_s: float = 300.0
    """How long an interactive run waits for a person's answer."""

    async def submit(self, request: RunRequest, *, idempotency_key: str | None = None) -> tuple[RunId, bool]:
        """Check and record a request; returns (run id, created). Nothing is recorded when it raises.

        Raises `InputError` (what is wrong with the text), `NotFoundError` (model or template),
        `ConflictError` (the key was used for another request), `StoreError`.
        """
        if request.template is not None and request.template not in TEMPLATES:
            raise NotFoundError(
                f"there is no template {request.template!r}",
                kind="template",
                hint=f"choose one of: {', '.join(sorted(TEMPLATES))}",
            )
        if request.release_to is not None:
            self._releasing().check(request.release_to)
        spec = parse_spec(request.text, template=request.template)
        template, _ = choose(spec)
        template.instantiate(spec)
        model = request.model or self.default_model
        await self.describe(model)
        await self._check_served(model)
        run_id = new_run_id(time.time_ns() // 1_000_000, os.urandom(4))
        resolved = request.model_copy(update={"model": model})
        return await self.records.submit(run_id, resolved, idempotency_key)

    async def cancel(self, run_id: RunId) -> None:
        """Ask a run to stop. One that nobody works on ends at once. Raises `ConflictError` after the end."""
        await cancel_run(self.records, run_id, lease_ttl_s=self.lease_ttl_s)

    async def answer(
        self, run_id: RunId, expected: str | None, *, raises: bool = False, who: str = "somebody"
    ) -> Answered:
        """Say what the call that a run asks about must give; see `qlayer.pipeline.asking.answer`."""
        return await answer(self.records, run_id, expected, raises=raises, who=who)

    async def execute(self, run_id: RunId, *, owner: str) -> RunRecord:
        """Run, or resume, to the end. Returns at once for a finished run.

        Raises `ConflictError` while another owner works on it, and whatever part broke (`LLMError`,
        `SandboxError`, `StoreError`): then the run stays unfinished and can be executed again, unless trying
        again cannot help; such a run is recorded as failed before the error rises.
        """
        record = await self.records.run(run_id)
        if record.finished is not None:
            return record
        if not await self.records.claim(run_id, owner, self.lease_ttl_s):
            raise ConflictError(f"{run_id} is being worked on by another process", hint="wait, or cancel it")
        try:
            cancelled = await held_lease(
                self.records, run_id, owner, self.lease_ttl_s, self._carry_on(record, owner)
            )
            if cancelled:
                await finish(self.records, run_id, RunStatus.CANCELLED, "cancelled on request")
        except QlayerError as error:
            if not error.retryable and not isinstance(error, ConflictError):
                await finish(self.records, run_id, RunStatus.FAILED, error.message)
            raise
        finally:
            await self.records.release(run_id, owner)
        return await self.records.run(run_id)

    async def _carry_on(self, record: RunRecord, owner: str) -> None:
        run_id = record.id
        sessions = sum(isinstance(event.body, Started) for event in record.events)
        if sessions >= MAX_SESSIONS:
            reason = f"taken up {sessions} times without reaching its end; its worker seems to die of it"
            await finish(self.records, run_id, RunStatus.FAILED, reason)
            return
        await self.records.append(run_id, Started(owner=owner, resumed=len(record.events) > 1))
        journal = Journal(self.records, run_id)
        meter = BudgetMeter(record.request.budget, record, time.monotonic)
        model = record.request.model or self.default_model
        choice = await self.describe(model)

        spec = await self._intake(journal, record.request)
        sampler = Sampler(self.llm, model, self.blobs, journal, meter, self._publisher(run_id))
        if wants_free_layout(record.request, choice.policy, spec):
            free = await FreeLayout(sampler, self.sandbox, journal, choice.policy, spec).build()
            await self._end(journal, free.skeleton, free.tree, (), choice.card, "; ".join(free.reasons))
            return
        skeleton, built = await self._skeleton(journal, spec)
        if self.learning is not None:
            skeleton = await self.learning.equip(journal, skeleton)
        loop = Loop(
            sampler,
            self.sandbox,
            journal,
            choice.policy,
            spec,
            skeleton,
            seed=record.request.seed,
            larger=await self._larger(choice),
            asker=self._asker(journal, meter) if record.request.interactive else None,
        )
        prover = Prover(self.sandbox, journal)
        tree, filled = await Project(loop, self.sandbox, journal, skeleton).build()
        proofs = [await prover.prove(one.slot, one.before, one.settled) for one in filled]
        reasons = [f"{one.slot.name}: {one.settled.reason}" for one in filled]
        if self.learning is not None:
            await self.learning.count_rules(journal)
        reason = "; ".join(reasons) or f"template {built.template} needed no model"
        await self._end(journal, skeleton, tree, proofs, choice.card, reason)

    async def _end(
        self,
        journal: Journal,
        skeleton: Skeleton,
        tree: SourceTree,
        proofs: Sequence[SlotProof],
        card: ModelCard,
        reason: str,
    ) -> None:
        """Make the finished project fit to ship, judge it, pack it, and end the run."""
        if self.delivering is not None:
            tree = await self.delivering.equip(journal, skeleton.template, tree)
        await assess_run(journal, skeleton, tree, self.weaknesses)
        decided = await self._decide(journal, skeleton, tree, proofs)
        if self.scanning is not None:
            await self.scanning.scan(journal, tree)
        packed = await self._pack(journal, decided, tree, card)
        environment = (await journal.record()).request.release_to
        if environment is not None:
            governed = await self._releasing().release(journal, packed.capsule, environment)
            reason = f"{reason}; {'allowed' if governed.decision.allow else 'denied'} for {environment}"
        await finish(self.records, journal.run_id, RunStatus.SUCCEEDED, reason or "all files were written")

    async def _intake(self, journal: Journal, request: RunRequest) -> Spec:
        async def make() -> SpecParsed:
            return SpecParsed(spec=parse_spec(request.text, template=request.template))

        return (await journal.step("spec", [request.text, request.template], SpecParsed, make)).spec

    async def _skeleton(self, journal: Journal, spec: Spec) -> tuple[Skeleton, SkeletonBuilt]:
        """The template's project; it must boot before any token is spent."""
        template, reason = choose(spec)
        skeleton = template.instantiate(spec)

        async def make() -> SkeletonBuilt:
            checks = await run_in_order(skeleton.boot, skeleton.tree, self.sandbox)
            return SkeletonBuilt(
                template=template.name,
                reason=reason,
                tree=skeleton.tree.digest,
                slots=tuple(slot.name for slot in skeleton.slots),
                checks=checks,
            )

        built = await journal.step("skeleton", [spec.digest, skeleton.tree.digest], SkeletonBuilt, make)
        failed = next((check for check in built.checks if not check.ok), None)
        if failed is not None:
            raise QlayerError(
                f"the bare {built.template} project does not pass {failed.check}: {failed.verdict.cause}",
                hint="run `qlayer doctor`; if the sandbox is sound this is a defect of the template",
            )
        return skeleton, built

    async def _decide(
        self, journal: Journal, skeleton: Skeleton, tree: SourceTree, proofs: Sequence[SlotProof]
    ) -> Decided:
        async def make() -> Decided:
            asked_for = with_answers(skeleton, await journal.record())
            plans = (*asked_for.boot, *asked_for.final)
            checks: tuple[CheckResult, ...] = await run_in_order(plans, tree, self.sandbox)
            decision = decide(tree, checks, unproved=unproved(asked_for), proofs=proofs)
            return Decided(tree=tree.digest, checks=checks, decision=decision)

        return await journal.step("decide", [tree.digest], Decided, make)

    async def _pack(self, journal: Journal, decided: Decided, tree: SourceTree, card: ModelCard) -> Packed:
        async def make() -> Packed:
            record = await journal.record()
            created_at: datetime = next(e.at for e in record.events if isinstance(e.body, Decided))
            manifest = build_manifest(
                record, tree=tree, model=card, qlayer_version=__version__, created_at=created_at
            )
            return Packed(capsule=await self.capsules.pack(manifest, tree), decision=decided.decision)

        return await journal.step("pack", [decided.tree], Packed, make)

    def _releasing(self) -> Releasing:
        if self.releasing is None:
            raise InputError("nothing here can sign a capsule and ask a policy", field="release_to")
        return self.releasing

    async def _larger(self, choice: ModelChoice) -> Larger | None:
        """The model to escalate to, when one is configured and can be asked now."""
        if choice.escalate_to is None or choice.escalate_to == choice.card.id:
            return None
        try:
            await self._check_served(choice.escalate_to)
            return Larger(choice.escalate_to, (await self.describe(choice.escalate_to)).policy)
        except (InputError, NotFoundError):
            return None

    def _asker(self, journal: Journal, meter: BudgetMeter) -> Asker:
        return Asker(self.records, journal, meter, self.answer_wait_s)

    async def _check_served(self, model: ModelId) -> None:
        """Refuse a model that the server does not have; a server that is away now is asked again later."""
        try:
            served = await self.llm.models()
        except LLMUnavailable:
            return
        if all(entry.id != model for entry in served):
            names = ", ".join(entry.id for entry in served) or "none"
            raise InputError(f"model {model} is not served here", field="model", hint=f"served now: {names}")

    def _publisher(self, run_id: RunId) -> Callable[[Slot, int, str], None]:
        def publish(slot: Slot, attempt: int, text: str) -> None:
            self.feed.publish(LiveText(run_id=run_id, slot=slot.name, attempt=attempt, text=text))

        return publish


def unproved(skeleton: Skeleton) -> tuple[str, ...]:
    """Slots whose filling no trusted case exercises."""
    return tuple(slot.name for slot in skeleton.slots if not any(map(proves_behaviour, slot.checks)))
