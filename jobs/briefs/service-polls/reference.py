from typing import Any

from app.store import ConflictError, Store


def create_vote(store: Store, vote: dict[str, Any]) -> dict[str, Any]:
    store.places.get(vote["place_id"])
    if store.votes.find(voter=vote["voter"]):
        raise ConflictError("voted already")
    return store.votes.create(**vote)


def get_places_ranking(store: Store) -> list[dict[str, Any]]:
    rows = [
        {"name": place["name"], "votes": len(store.votes.find(place_id=place["id"]))}
        for place in store.places.all()
    ]
    return sorted(rows, key=lambda row: (-row["votes"], row["name"]))
