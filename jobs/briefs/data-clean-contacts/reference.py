from typing import Any


def transform(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept: dict[str, dict[str, Any]] = {}
    for row in rows:
        email = row["email"].lower()
        if "@" not in email:
            continue
        name = " ".join(row["name"].split())
        first = kept.setdefault(email, {"name": name, "email": email, "phone": row["phone"]})
        first["phone"] = first["phone"] or row["phone"]
    return [kept[email] for email in sorted(kept)]
