from typing import Any


def transform(stock: list[dict[str, Any]], minimum: list[dict[str, Any]]) -> list[dict[str, Any]]:
    amounts = {row["article"]: row["amount"] for row in stock}
    missing = [
        {"article": row["article"], "missing": row["minimum"] - amounts.get(row["article"], 0)}
        for row in minimum
    ]
    short = [row for row in missing if row["missing"] > 0]
    return sorted(short, key=lambda row: (-row["missing"], row["article"]))
