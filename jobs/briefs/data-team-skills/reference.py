from typing import Any


def transform(rows: list[dict[str, Any]]) -> dict[str, Any]:
    people: dict[str, set[str]] = {}
    for person in rows:
        for skill in person["skills"]:
            people.setdefault(skill.lower(), set()).add(person["name"])
    return {skill: sorted(names) for skill, names in people.items()}
