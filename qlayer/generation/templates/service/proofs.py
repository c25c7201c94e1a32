"""Checks that follow from the design and from the spec's examples.

Steps of a scenario share state, so a slot is proved by the whole scenario up to where it matters. What an
earlier or later slot is responsible for is not held against this one: it is still done, but not judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qlayer.generation.templates.service.design import HEALTH
from qlayer.generation.templates.service.parts import Design, Kind, Operation, Resource
from qlayer.generation.templates.service.routing import Routed, hit
from qlayer.generation.templates.service.slots import example_row
from qlayer.types.check import Case, Comparison, Expectation, HttpPlan
from qlayer.types.spec import HttpExample

FLOAT_TOLERANCE = 1e-9
"""Relative: JSON has no exact decimals, so a sum of prices may differ in the last digit."""


@dataclass(frozen=True)
class Step:
    """A request, and whether its answer is judged."""

    request: HttpExample
    judged: bool = True


class Proofs:
    """All plans for one design."""

    def __init__(self, design: Design, scenario: Sequence[HttpExample]) -> None:
        self._design = design
        self._scenario = tuple(scenario)
        self._operations = [(r, o) for r in design.resources for o in r.operations]
        routes: list[Routed] = [*(o for _, o in self._operations), *design.actions]
        self._hits = [hit(step, routes) for step in self._scenario]

    def smoke_requests(self) -> tuple[HttpExample, ...]:
        """The service is up, and rows can be created, listed and read. Passes without any slot filled."""
        steps = [_request("GET", HEALTH, 200, expected={"status": "ok"})]
        for resource in self._design.resources:
            row = self.sample(resource)
            create, listing = resource.operation(Kind.CREATE), resource.operation(Kind.LIST)
            if listing:
                steps.append(_request("GET", listing.path, listing.status, expected=[]))
            if row is None or not create:
                continue
            kept = {"id": 1, **row}
            steps.append(_request("POST", create.path, create.status, row, kept))
            if listing:
                steps.append(_request("GET", listing.path, listing.status, expected=[kept]))
            if read := resource.operation(Kind.READ):
                steps.append(_request("GET", _at(read, 1), read.status, expected=kept))
        return tuple(steps)

    def row_requests(self) -> tuple[HttpExample, ...]:
        """Every operation of the template, what is missing, and every rule that the template made."""
        steps: list[HttpExample] = []
        for resource in self._design.resources:
            row = self.sample(resource)
            create = resource.operation(Kind.CREATE)
            if row is not None and create:
                steps.append(_request("POST", create.path, create.status, row, {"id": 1, **row}))
                steps += self._broken_rules(resource, create, row)
                steps += _life_of(resource, row)
            elif read := resource.operation(Kind.READ):
                steps.append(_request("GET", _at(read, 999), 404))
        return tuple(steps)

    def sample(self, resource: Resource) -> dict[str, Any] | None:
        """A body that can be created: the spec's own first one, else a made one; None when rules are open."""
        create = resource.operation(Kind.CREATE)
        shown = (
            step.body
            for step, at in zip(self._scenario, self._hits, strict=True)
            if create and step.status == create.status and self._operation(at) == (resource, create)
        )
        body = next((body for body in shown if isinstance(body, dict)), None)
        if body is not None:
            known = {field.name for field in resource.entity.fields}
            return {name: value for name, value in body.items() if name in known}
        made = example_row(resource, numbered=False)
        required = {f.name for f in resource.entity.fields if f.required}
        if resource.open_rules or any(made[name] is None for name in required):
            return None
        return {name: value for name, value in made.items() if value is not None}

    def for_action(self, index: int) -> HttpPlan | None:
        """The scenario as far as it proves the action; None when no step does."""
        own = len(self._operations) + index
        mine = [place for place, at in enumerate(self._hits) if at == own]
        if not mine:
            return None
        steps: list[Step] = []
        foreign_change = False
        for place, step in enumerate(self._scenario):
            at = self._hits[place]
            other = at is not None and at >= len(self._operations) and at != own
            if place > mine[-1] and (other or at == own):
                break
            if at != own and step.status >= 400:
                continue
            foreign_change = foreign_change or (other and step.method != "GET")
            steps.append(Step(step, judged=at == own or (not other and not foreign_change)))
        return plan(self._design.actions[index].name, steps)

    def for_rules(self, resource: Resource) -> HttpPlan | None:
        """The writes of this resource, in the scenario's order; None when the spec refuses none of them."""
        writes = [
            (place, self._operation(at))
            for place, at in enumerate(self._hits)
            if self._operation(at) is not None and self._scenario[place].method in ("POST", "PUT", "PATCH")
        ]
        mine = [place for place, found in writes if found and found[0] == resource]
        if not any(self._scenario[place].status == self._design.invalid_status for place in mine):
            return None
        steps: list[Step] = []
        for place, step in enumerate(self._scenario[: mine[-1] + 1]):
            at = self._hits[place]
            if at is not None and at < len(self._operations) and (place in mine or step.status < 300):
                steps.append(Step(step, judged=place in mine))
        return plan(resource.rule_slot, steps)

    def _operation(self, at: int | None) -> tuple[Resource, Operation] | None:
        return self._operations[at] if at is not None and at < len(self._operations) else None

    def _broken_rules(self, resource: Resource, create: Operation, row: dict[str, Any]) -> list[HttpExample]:
        steps = []
        for constraint in resource.constraints:
            bad = next((edge for edge in constraint.edges() if not constraint.allows(edge)), None)
            if bad is not None:
                body = {**row, constraint.field: bad}
                steps.append(_request("POST", create.path, self._design.invalid_status, body))
        return steps


def plan(name: str, steps: Sequence[Step]) -> HttpPlan:
    """The steps as an HTTP plan against ``app.main:app``."""
    cases = tuple(_case(number, step) for number, step in enumerate(steps, 1))
    return HttpPlan(name=name, module="app.main", cases=cases)


def _case(number: int, step: Step) -> Case:
    request = step.request
    answer: dict[str, Any] = {"status": request.status}
    if request.expected is not None:
        answer["body"] = request.expected
    expected = Expectation(comparison=Comparison.INCLUDES, value=repr(answer), rel_tol=FLOAT_TOLERANCE)
    return Case(
        name=f"{number}. {request.method} {request.path}",
        function="app",
        kwargs=repr({"method": request.method, "path": request.path, "body": request.body}),
        expected=expected if step.judged else None,
    )


def _life_of(resource: Resource, row: dict[str, Any]) -> list[HttpExample]:
    """Row 1 is replaced, changed and deleted, and then it is gone."""
    steps = []
    kept = {"id": 1, **row}
    if replace := resource.operation(Kind.REPLACE):
        steps.append(_request("PUT", _at(replace, 1), replace.status, row, kept))
        steps.append(_request("PUT", _at(replace, 999), 404, row))
    if change := resource.operation(Kind.CHANGE):
        steps.append(_request("PATCH", _at(change, 1), change.status, {}, kept))
    if delete := resource.operation(Kind.DELETE):
        steps.append(_request("DELETE", _at(delete, 1), delete.status))
        steps.append(_request("DELETE", _at(delete, 1), 404))
    if read := resource.operation(Kind.READ):
        steps.append(_request("GET", _at(read, 999), 404))
    return steps


def _request(method: str, path: str, status: int, body: Any = None, expected: Any = None) -> HttpExample:
    return HttpExample.model_validate(
        {"method": method, "path": path, "status": status, "body": body, "expected": expected}
    )


def _at(operation: Operation, row_id: int) -> str:
    return operation.path.replace("{id}", str(row_id))
