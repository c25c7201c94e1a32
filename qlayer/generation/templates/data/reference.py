from collections import Counter
from typing import Any


def transform(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return dict(Counter(row["page"].rstrip("/") for row in rows))
