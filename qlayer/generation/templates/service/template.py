"""Fits a spec to the `service` family and instantiates it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qlayer.generation.base import Fit, Skeleton, Slot
from qlayer.generation.templates.render import render_folder
from qlayer.generation.templates.service.design import design_service
from qlayer.generation.templates.service.parts import Design
from qlayer.generation.templates.service.proofs import Proofs, Step, plan
from qlayer.generation.templates.service.slots import action_slot, rule_slot
from qlayer.generation.templates.service.source import source_values
from qlayer.types.check import SMOKE, BootPlan, CheckPlan, HttpPlan, PytestPlan
from qlayer.types.source import SourceTree
from qlayer.types.spec import HttpExample, Spec

_FOLDER = Path(__file__).parent
_FILES = _FOLDER / "files"
_TESTS = "tests/test_service.py"
ROWS = "rows and rules"
EXAMPLES = "examples"


class ServiceTemplate:
    """A FastAPI service that keeps rows in SQLite; a model writes only what is special about it."""

    name = "service"
    summary = "a FastAPI service with entities, routes, rules and their tests"
    folder = _FOLDER

    def fit(self, spec: Spec) -> Fit:
        if spec.routes:
            return Fit(score=1.0, reason=f"the request names HTTP routes ({len(spec.routes)})")
        if spec.scenario:
            return Fit(score=0.8, reason="the request shows HTTP requests as examples")
        if spec.entities and spec.signature is None:
            return Fit(score=0.7, reason="the request names entities to keep")
        return Fit(score=0.0, reason="the request names neither routes nor entities")

    def instantiate(self, spec: Spec) -> Skeleton:
        design = design_service(spec)
        proofs = Proofs(design, spec.scenario)
        suites = {
            SMOKE: proofs.smoke_requests(),
            ROWS: proofs.row_requests(),
            EXAMPLES: spec.scenario,
        }
        suites = {name: steps for name, steps in suites.items() if steps}
        tree = SourceTree().with_files(
            {
                **_files(design, tuple(suites)),
                "tests/requests.json": _requests_json(suites),
            }
        )
        return Skeleton(
            template=self.name,
            tree=tree,
            slots=_slots(design, proofs),
            boot=(BootPlan(module="app.main"), _plan(SMOKE, suites)),
            final=(
                *(_plan(name, suites) for name in suites if name != SMOKE),
                PytestPlan(
                    paths=(_TESTS,),
                    expected_tests=tuple(f"{_TESTS}::test_{name.replace(' ', '_')}" for name in suites),
                ),
            ),
        )


def _files(design: Design, suites: tuple[str, ...]) -> dict[str, str]:
    """The rendered files, without those that this service has no use for."""
    files = render_folder(_FILES, source_values(design, suites))
    unused = {
        "app/models.py": not design.resources,
        "app/store.py": not design.resources,
        "app/rules.py": not any(resource.checked for resource in design.resources),
        "app/handlers.py": not design.actions,
    }
    return {path: text for path, text in files.items() if not unused.get(path)}


def _plan(name: str, suites: dict[str, tuple[HttpExample, ...]]) -> HttpPlan:
    return plan(name, [Step(step) for step in suites[name]])


def _slots(design: Design, proofs: Proofs) -> tuple[Slot, ...]:
    """Rules first (they guard every write), then what changes rows, then what only reads."""
    rules = [
        rule_slot(resource, _checks(proofs.for_rules(resource)))
        for resource in design.resources
        if resource.open_rules
    ]
    actions = [
        (action.method == "GET", action_slot(action, design, _checks(proofs.for_action(index))))
        for index, action in enumerate(design.actions)
    ]
    return (*rules, *(slot for _, slot in sorted(actions, key=lambda pair: pair[0])))


def _checks(found: HttpPlan | None) -> Sequence[CheckPlan]:
    return (found,) if found is not None else ()


def _requests_json(suites: dict[str, tuple[HttpExample, ...]]) -> str:
    """The requests that the project's own tests play, as a file that a person can read and extend."""

    def entry(step: HttpExample) -> dict[str, Any]:
        return {
            "request": f"{step.method} {step.path}",
            **({"body": step.body} if step.body is not None else {}),
            "status": step.status,
            **({"expected": step.expected} if step.expected is not None else {}),
        }

    shown = {name: [entry(step) for step in steps] for name, steps in suites.items()}
    return json.dumps(shown, indent=2, ensure_ascii=False) + "\n"
