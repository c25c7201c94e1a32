"""Which part of the service a rule of the request belongs to."""

from __future__ import annotations

import re
from collections.abc import Sequence

from qlayer.generation.templates.service.actions import Action
from qlayer.generation.templates.service.constraints import Constraint, read_constraint
from qlayer.generation.templates.service.naming import phrase
from qlayer.generation.templates.service.parts import Resource


def assign_rules(
    rules: Sequence[str], resources: list[Resource], actions: list[Action]
) -> tuple[list[Resource], list[Action]]:
    """A constraint goes to the fields that it names, a rule about an action to that action, any other to the
    slot of the resource that it speaks of most."""
    for rule in rules:
        found = [(index, read_constraint(rule, r.entity)) for index, r in enumerate(resources)]
        if any(constraint for _, constraint in found):
            for index, constraint in found:
                if constraint is not None and constraint not in resources[index].constraints:
                    resources[index] = _more(resources[index], constraints=(constraint,))
        elif spoken_of := _actions_of(rule, actions, resources):
            for index in spoken_of:
                action = actions[index]
                actions[index] = action.model_copy(update={"rules": (*action.rules, rule)})
        elif resources:
            index = _resource_of(rule, resources)
            resources[index] = _more(resources[index], open_rules=(rule,))
        elif actions:
            actions[0] = actions[0].model_copy(update={"rules": (*actions[0].rules, rule)})
    return resources, actions


def _more(
    resource: Resource, constraints: tuple[Constraint, ...] = (), open_rules: tuple[str, ...] = ()
) -> Resource:
    return resource.model_copy(
        update={
            "constraints": (*resource.constraints, *constraints),
            "open_rules": (*resource.open_rules, *open_rules),
        }
    )


def _actions_of(rule: str, actions: Sequence[Action], resources: Sequence[Resource]) -> tuple[int, ...]:
    """The changing actions that the rule speaks of: by their verb, else by a value that they are sent.

    In "a shipped order cannot be cancelled" both verbs occur; it is about the one that must not be done.
    """
    said = rule.lower()
    forbidden = re.search(r"(?:\bcan(?:not|'t| not| only)?|\bmust not|\bmay (?:not|only)) be (\w+)", said)
    for words in ([forbidden[1]] if forbidden else [], re.findall(r"[a-z]{3,}", said)):
        for index, action in enumerate(actions):
            verb = action.verb[:5]
            if action.method != "GET" and len(verb) >= 3 and any(word.startswith(verb) for word in words):
                return (index,)
    fields = {field.name for resource in resources for field in resource.entity.fields}
    subject = re.match(r"(?:(?:an?|the|each|every)\s+)?(\w+)", said)
    return tuple(
        index
        for index, action in enumerate(actions)
        if subject and subject[1] not in fields and not action.creates and subject[1] in _sent(action)
    )


def _sent(action: Action) -> set[str]:
    """Names of the values in the bodies that the examples send."""
    return {name for step in action.examples if isinstance(step.body, dict) for name in step.body}


def _resource_of(rule: str, resources: Sequence[Resource]) -> int:
    """The resource that the rule speaks of most: its name counts double, each of its fields once."""
    words = set(re.findall(r"[a-z]+", rule.lower()))

    def score(resource: Resource) -> int:
        fields = sum(set(phrase(f.name).split()) <= words for f in resource.entity.fields)
        return fields + 2 * bool({resource.one, resource.many} & words)

    return max(range(len(resources)), key=lambda index: (score(resources[index]), -index))
