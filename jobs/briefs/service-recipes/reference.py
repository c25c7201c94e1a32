from typing import Any

from app.store import Store


def create_ingredient(store: Store, ingredient: dict[str, Any]) -> dict[str, Any]:
    store.recipes.get(ingredient["recipe_id"])
    return store.ingredients.create(**ingredient)


def get_recipe_scaled(store: Store, id: int, servings: int) -> list[dict[str, Any]]:
    factor = servings / store.recipes.get(id)["servings"]
    return [
        {"name": row["name"], "grams": row["grams"] * factor} for row in store.ingredients.find(recipe_id=id)
    ]


def get_shopping(store: Store, recipe: int | float, servings: int) -> dict[str, Any]:
    factor = servings / store.recipes.get(int(recipe))["servings"]
    rows = store.ingredients.find(recipe_id=int(recipe))
    return {"items": len(rows), "grams": sum(row["grams"] for row in rows) * factor}
