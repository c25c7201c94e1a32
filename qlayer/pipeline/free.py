"""A project in a layout of the model's own: the list of files first, then file by file.

After each file the imports must hold and the module must load, else it is tried once more with the problem in
view (from 14B up by search/replace blocks) and then left out: what was written before stays. The list and
every verdict are recorded, so a killed run goes on where it was and a person sees what was planned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from qlayer.errors import BudgetExceeded, InputError
from qlayer.generation.base import Skeleton
from qlayer.generation.layout import (
    edit_prompt,
    edited,
    file_prompt,
    layout_prompt,
    read_file,
    read_layout,
    step_slot,
)
from qlayer.generation.templates import TEMPLATES
from qlayer.generation.templates.function.tests import case_of
from qlayer.llm.base import Message
from qlayer.pipeline.journal import Journal
from qlayer.pipeline.policy import LoopPolicy
from qlayer.pipeline.sampling import Ask, Sampler
from qlayer.sandbox.base import Sandbox
from qlayer.types.candidate import Sampling
from qlayer.types.check import BootPlan, CasesPlan, CheckPlan
from qlayer.types.layout import Layout, PlannedFile
from qlayer.types.run import AttemptKind, LayoutProposed, ProjectChecked, RunRequest, SkeletonBuilt
from qlayer.types.source import SourceTree
from qlayer.types.spec import Spec
from qlayer.validation.checks import run_check
from qlayer.validation.import_graph import import_problems

TEMPLATE = "free"
TRIES = 2
"""Of the list, and of each file."""
LAYOUT_TOKENS = 400
FILE_TOKENS = 2_048
"""120 lines are about 1,300 tokens."""


POOR_FIT = 0.5
"""Below it a template is only a guess at what is wanted."""


class Free(NamedTuple):
    """What was made: the tree with its checks, and a sentence for each file that was left out."""

    skeleton: Skeleton
    tree: SourceTree
    reasons: tuple[str, ...]


def wants_free_layout(request: RunRequest, policy: LoopPolicy, spec: Spec) -> bool:
    """Asked for, or allowed to the model where no template fits well and none was named."""
    if request.layout != "auto" or spec.template is not None:
        return request.layout == "free"
    return policy.free_layout and all(family.fit(spec).score < POOR_FIT for family in TEMPLATES.values())


@dataclass(frozen=True)
class FreeLayout:
    """Writes one project. All parts are given."""

    sampler: Sampler
    sandbox: Sandbox
    journal: Journal
    policy: LoopPolicy
    spec: Spec

    async def build(self) -> Free:
        """Raises `InputError` (no usable list of files), `BudgetExceeded`, `LLMError`, `SandboxError`."""
        layout = await self._layout()
        await self._begin(layout)
        tree, reasons = SourceTree(), []
        for planned in layout.files:
            try:
                tree, problem = await self._file(layout, planned, tree)
            except BudgetExceeded as error:
                problem = error.message
            if problem:
                reasons.append(f"{planned.path} was left out: {problem}")
        written = tuple(one for one in layout.files if one.path in tree)
        skeleton = Skeleton(
            template=TEMPLATE,
            tree=tree,
            slots=(),
            boot=tuple(BootPlan(module=one.module) for one in written if one.module and not _is_test(one)),
            final=_examples(self.spec, written, tree),
        )
        return Free(skeleton, tree, tuple(reasons))

    async def _layout(self) -> Layout:
        problem = ""
        for attempt in range(TRIES):
            text = await self._ask("layout", attempt, layout_prompt(self.spec, problem), LAYOUT_TOKENS)
            try:
                layout = read_layout(text)
            except InputError as error:
                problem = error.message
                continue

            async def make(proposed: Layout = layout) -> LayoutProposed:
                return LayoutProposed(layout=proposed)

            return (await self.journal.step("layout", [layout], LayoutProposed, make)).layout
        raise InputError(f"the model proposed no list of files that can be used: {problem}", field="layout")

    async def _begin(self, layout: Layout) -> None:
        async def make() -> SkeletonBuilt:
            return SkeletonBuilt(
                template=TEMPLATE,
                reason="the model proposed the files itself",
                tree=SourceTree().digest,
                slots=tuple(one.path for one in layout.files),
                checks=(),
            )

        await self.journal.step("skeleton", [self.spec.digest, layout], SkeletonBuilt, make)

    async def _file(
        self, layout: Layout, planned: PlannedFile, tree: SourceTree
    ) -> tuple[SourceTree, str | None]:
        """The tree with the file, or the tree as it was and why."""
        problem, last = "", ""
        for attempt in range(TRIES):
            by_blocks = bool(last) and self.policy.block_edits
            messages = (
                edit_prompt(planned.path, last, problem)
                if by_blocks
                else file_prompt(self.spec, layout, planned, tree, problem)
            )
            text = await self._ask(planned.path, attempt, messages, FILE_TOKENS)
            try:
                last = edited(last, text) if by_blocks else read_file(text)
            except InputError as error:
                problem = error.message
                continue
            after = tree.with_files({planned.path: last})
            problem = await self._look(planned, tree, after) or ""
            if not problem:
                return after, None
        return tree, problem

    async def _look(self, planned: PlannedFile, before: SourceTree, after: SourceTree) -> str | None:
        async def make() -> ProjectChecked:
            known = import_problems(before)
            problems = tuple(one for one in import_problems(after) if one not in known)
            if not problems and planned.module and not _is_test(planned):
                boot = await run_check(BootPlan(module=planned.module), after, self.sandbox)
                problems = () if boot.ok else (f"it does not load: {boot.verdict.cause}",)
            return ProjectChecked(slot=planned.path, tree=after.digest, problems=problems)

        inputs = [planned.path, before.digest, after.digest]
        checked = await self.journal.step("project", inputs, ProjectChecked, make)
        return checked.problems[0] if checked.problems else None

    async def _ask(self, name: str, attempt: int, messages: tuple[Message, ...], tokens: int) -> str:
        kind = AttemptKind.GREEDY if not attempt else AttemptKind.REPAIR
        sampling = Sampling(max_tokens=tokens)
        _, text = await self.sampler.sample(Ask(step_slot(name), attempt, kind, messages, sampling))
        return text


def _is_test(planned: PlannedFile) -> bool:
    """Whether loading it would need pytest: its own run says more."""
    return planned.path.startswith("tests/") or planned.path.rpartition("/")[2].startswith("test_")


def _examples(spec: Spec, written: tuple[PlannedFile, ...], tree: SourceTree) -> tuple[CheckPlan, ...]:
    """The request's examples, on the first module that defines the function they call."""
    if spec.signature is None or not spec.examples:
        return ()
    head = f"def {spec.signature.name}("
    home = next((one.module for one in written if one.module and head in tree.text(one.path)), None)
    if home is None:
        return ()
    cases = tuple(case_of(example, number) for number, example in enumerate(spec.examples, 1))
    return (CasesPlan(module=home, cases=cases),)
