from typing import Any

from app.store import ConflictError, Store


def start_repair(store: Store, id: int) -> dict[str, Any]:
    if store.repairs.get(id)["state"] != "waiting":
        raise ConflictError("not waiting")
    return store.repairs.update(id, state="working")


def finish_repair(store: Store, id: int, body: dict[str, Any]) -> dict[str, Any]:
    if store.repairs.get(id)["state"] != "working":
        raise ConflictError("not in work")
    return store.repairs.update(id, state="ready", price=body["price"])


def collect_repair(store: Store, id: int) -> dict[str, Any]:
    if store.repairs.get(id)["state"] != "ready":
        raise ConflictError("not ready")
    return store.repairs.update(id, state="collected")


def get_repairs_income(store: Store) -> dict[str, Any]:
    return {"income": sum(repair["price"] for repair in store.repairs.find(state="collected"))}
