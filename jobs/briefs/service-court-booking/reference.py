from typing import Any

from app.store import ConflictError, Store


def create_booking(store: Store, booking: dict[str, Any]) -> dict[str, Any]:
    court = store.courts.get(booking["court_id"])
    for other in store.bookings.find(court_id=court["id"]):
        if other["start"] < booking["end"] and booking["start"] < other["end"]:
            raise ConflictError("taken")
    return store.bookings.create(**booking)


def get_court_hours(store: Store, id: int) -> dict[str, Any]:
    bookings = store.bookings.find(court_id=store.courts.get(id)["id"])
    return {"hours": sum(booking["end"] - booking["start"] for booking in bookings)}
