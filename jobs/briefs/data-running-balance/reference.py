from typing import Any


def transform(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    balance, statement = 0, []
    for row in sorted(rows, key=lambda row: row["date"]):
        balance += row["amount"]
        note = "overdrawn" if balance < 0 else ""
        statement.append({"date": row["date"], "text": row["text"], "balance": balance, "note": note})
    return statement
