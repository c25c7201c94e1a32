from typing import Any


def transform(orders: list[dict[str, Any]]) -> list[dict[str, Any]]:
    months: dict[str, dict[str, Any]] = {}
    for order in orders:
        if order["state"] != "cancelled":
            month = order["date"][:7]
            row = months.setdefault(month, {"month": month, "orders": 0, "revenue": 0})
            row["orders"] += 1
            row["revenue"] += order["quantity"] * order["unit_price"]
    return [months[month] for month in sorted(months)]
