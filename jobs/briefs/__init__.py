"""Forty requests for whole projects with hidden acceptance tests: functions, services, CLIs, data tools.

Each folder ``<family>-<name>`` holds ``brief.md`` (the request as a user would write it), ``acceptance.md``
(the hidden tests, as examples in the very forms that intake reads; only the judge may see them) and
``reference.py`` (what a person writes into the slots; it passes). The acceptance is judged by value on the
host, as the examples of a request are.
"""

from __future__ import annotations

from pathlib import Path

from qlayer.errors import InputError
from qlayer.generation.base import Skeleton
from qlayer.generation.intake import parse_spec
from qlayer.generation.reference import filled
from qlayer.generation.templates import choose
from qlayer.sandbox.base import Sandbox
from qlayer.types.check import CasesPlan, CheckResult, HttpPlan
from qlayer.types.frozen import Frozen
from qlayer.types.source import SourceTree
from qlayer.types.spec import Spec
from qlayer.validation.checks import run_check

FOLDER = Path(__file__).parent
ACCEPTANCE = "acceptance"
"""Name of the hidden check."""


class Brief(Frozen):
    """One request with what it must come to."""

    id: str
    """``<family>-<name>``."""
    family: str
    """The template that the request must be read as."""
    text: str
    """All that the loop may see."""
    acceptance: CasesPlan | HttpPlan
    reference: str
    """Source with the function of every slot, and what they need besides."""


def load_briefs(folder: Path = FOLDER) -> tuple[Brief, ...]:
    """All briefs by id. Raises `InputError` when an acceptance has a line that is not understood."""
    return tuple(_load(path.parent) for path in sorted(folder.glob("*-*/brief.md")))


def skeleton_of(text: str) -> Skeleton:
    """What the platform makes of a request before a model is asked."""
    spec = parse_spec(text)
    return choose(spec)[0].instantiate(spec)


def reference_tree(brief: Brief) -> SourceTree:
    """The skeleton with the reference in every slot. Raises `InputError` when one is missing."""
    return filled(skeleton_of(brief.text), brief.reference)


async def judge(brief: Brief, tree: SourceTree, sandbox: Sandbox) -> CheckResult:
    """The hidden acceptance on a finished project. The result tells nothing of its cases."""
    return await run_check(brief.acceptance, tree, sandbox)


def _load(folder: Path) -> Brief:
    family = folder.name.partition("-")[0]
    text = (folder / "brief.md").read_text(encoding="utf-8")
    asked = parse_spec(text)
    hidden = parse_spec((folder / "acceptance.md").read_text(encoding="utf-8"), template=family)
    if hidden.ignored:
        first = hidden.ignored[0]
        raise InputError(f"{folder.name}: {first.reason}: {first.text}", field=f"acceptance.md:{first.line}")
    return Brief(
        id=folder.name,
        family=family,
        text=text,
        acceptance=_plan(asked, hidden, folder.name),
        reference=(folder / "reference.py").read_text(encoding="utf-8"),
    )


def _plan(asked: Spec, hidden: Spec, brief: str) -> CasesPlan | HttpPlan:
    """What the template would prove if the request showed the hidden examples instead of its own."""
    swapped = asked.model_copy(
        update={
            "examples": hidden.examples,
            "scenario": hidden.scenario,
            "conversions": hidden.conversions,
            "tool": asked.tool.model_copy(update={"invocations": hidden.tool.invocations})
            if asked.tool is not None and hidden.tool is not None
            else asked.tool,
        }
    )
    for plan in choose(asked)[0].instantiate(swapped).final:
        if isinstance(plan, CasesPlan | HttpPlan) and plan.name == "examples":
            return plan.model_copy(update={"name": ACCEPTANCE, "hidden": True})
    raise InputError(f"{brief}: acceptance.md has no examples", field="acceptance.md")
