from typing import Any


def add(items: list[dict[str, Any]], amount: int, category: str) -> str:
    if amount <= 0:
        raise ValueError("the amount must be positive")
    items.append({"amount": amount, "category": category})
    return f"{len(items)}: {amount} {category}"


def list_command(items: list[dict[str, Any]]) -> str:
    return "\n".join(f"{n}: {item['amount']} {item['category']}" for n, item in enumerate(items, 1))


def total(items: list[dict[str, Any]], category: str | None = None) -> str:
    return str(sum(item["amount"] for item in items if category in (None, item["category"])))


def undo(items: list[dict[str, Any]]) -> str:
    if not items:
        raise ValueError("nothing to undo")
    last = items.pop()
    return f"removed {last['amount']} {last['category']}"
