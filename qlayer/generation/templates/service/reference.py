from typing import Any

from app.store import Store


def get_plants_thirsty(store: Store) -> list[dict[str, Any]]:
    rows = [
        {"name": plant["name"], "waterings": len(store.waterings.find(plant_id=plant["id"]))}
        for plant in store.plants.all()
    ]
    return sorted(rows, key=lambda row: (row["waterings"], row["name"]))
