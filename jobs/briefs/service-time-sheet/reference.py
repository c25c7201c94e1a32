from typing import Any

from app.store import ConflictError, Store


def close_project(store: Store, id: int) -> dict[str, Any]:
    if store.projects.get(id)["closed"]:
        raise ConflictError("closed already")
    return store.projects.update(id, closed=True)


def create_entry(store: Store, entry: dict[str, Any]) -> dict[str, Any]:
    project = store.projects.get(entry["project_id"])
    spent = sum(row["minutes"] for row in store.entries.find(project_id=project["id"]))
    if project["closed"] or spent + entry["minutes"] > project["budget"]:
        raise ConflictError("closed, or the budget is used up")
    return store.entries.create(**entry)


def get_project_report(store: Store, id: int) -> dict[str, Any]:
    budget = store.projects.get(id)["budget"]
    people: dict[str, int] = {}
    for entry in store.entries.find(project_id=id):
        people[entry["person"]] = people.get(entry["person"], 0) + entry["minutes"]
    spent = sum(people.values())
    return {"spent": spent, "left": budget - spent, "people": people}
