from typing import Any


def get_shipping(weight: float) -> dict[str, Any]:
    if not 0 < weight <= 20:
        raise ValueError("only above 0 and up to 20 kg")
    return {"price": 400 if weight <= 1 else 600 if weight <= 5 else 900}


def post_cart(body: dict[str, Any]) -> dict[str, Any]:
    if not body["items"]:
        raise ValueError("nothing in the cart")
    total = sum(item["price"] * item["quantity"] for item in body["items"])
    return {"total": total, "shipping": 0 if total >= 5000 else 490}
