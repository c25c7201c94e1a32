from typing import Any

from app.store import ConflictError, Store


def redeem_card(store: Store, id: int, body: dict[str, Any]) -> dict[str, Any]:
    if body["amount"] <= 0:
        raise ValueError("the amount must be positive")
    balance = store.cards.get(id)["balance"] - body["amount"]
    if balance < 0:
        raise ConflictError("not enough left")
    return store.cards.update(id, balance=balance)


def merge_card(store: Store, id: int, body: dict[str, Any]) -> dict[str, Any]:
    card, other = store.cards.get(id), store.cards.get(body["other"])
    if card["id"] == other["id"]:
        raise ConflictError("the same card")
    store.cards.update(other["id"], balance=0)
    return store.cards.update(id, balance=card["balance"] + other["balance"])


def get_cards_summary(store: Store) -> dict[str, Any]:
    cards = store.cards.all()
    return {"count": len(cards), "total": sum(card["balance"] for card in cards)}
