from typing import Any


def put(items: list[dict[str, Any]], name: str, count: int) -> str:
    for item in items:
        if item["name"] == name:
            item["count"] += count
            return f"{name}: {item['count']}"
    items.append({"name": name, "count": count})
    return f"{name}: {count}"


def take(items: list[dict[str, Any]], name: str, count: int) -> str:
    found = next((item for item in items if item["name"] == name), None)
    held = found["count"] if found else 0
    if count > held or found is None:
        raise ValueError(f"only {held} of {name}")
    found["count"] -= count
    if not found["count"]:
        items.remove(found)
    return f"{name}: {held - count}"


def show(items: list[dict[str, Any]]) -> str:
    ordered = sorted(items, key=lambda item: item["name"])
    return "\n".join(f"{item['name']}: {item['count']}" for item in ordered) or "empty"
