from typing import Any

from app.store import ConflictError, Store


def load_bin(store: Store, id: int, body: dict[str, Any]) -> dict[str, Any]:
    bin = store.bins.get(id)
    amount = bin["amount"] + body["amount"]
    if amount > bin["room"]:
        raise ConflictError("no room")
    return store.bins.update(id, amount=amount)


def move_bin(store: Store, id: int, body: dict[str, Any]) -> dict[str, Any]:
    bin, other = store.bins.get(id), store.bins.get(body["to"])
    amount = other["amount"] + body["amount"]
    if bin["article"] != other["article"] or body["amount"] > bin["amount"] or amount > other["room"]:
        raise ConflictError("does not fit")
    store.bins.update(other["id"], amount=amount)
    return store.bins.update(id, amount=bin["amount"] - body["amount"])


def get_stock(store: Store) -> dict[str, Any]:
    amounts: dict[str, int] = {}
    for bin in store.bins.all():
        amounts[bin["article"]] = amounts.get(bin["article"], 0) + bin["amount"]
    return amounts
