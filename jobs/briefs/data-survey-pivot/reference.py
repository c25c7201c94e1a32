from typing import Any


def transform(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    people: dict[str, dict[str, Any]] = {}
    for answer in answers:
        empty = {"person": answer["person"], "q1": 0, "q2": 0, "q3": 0}
        people.setdefault(answer["person"], empty)[answer["question"]] = answer["score"]
    return list(people.values())
