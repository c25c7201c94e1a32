from typing import Any

from app.store import ConflictError, Store


def create_bid(store: Store, bid: dict[str, Any]) -> dict[str, Any]:
    lot = store.lots.get(bid["lot_id"])
    highest = max((other["amount"] for other in store.bids.find(lot_id=lot["id"])), default=0)
    if not lot["open"] or bid["amount"] < lot["start_price"] or bid["amount"] <= highest:
        raise ConflictError("too late or too low")
    return store.bids.create(**bid)


def close_lot(store: Store, id: int) -> dict[str, Any]:
    return store.lots.update(id, open=False)


def get_lot_winner(store: Store, id: int) -> dict[str, Any]:
    bids = store.bids.find(lot_id=store.lots.get(id)["id"])
    highest = max(bids, key=lambda bid: bid["amount"], default={"bidder": None, "amount": None})
    return {"bidder": highest["bidder"], "amount": highest["amount"]}
