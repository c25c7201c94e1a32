from typing import Any


def transform(invoices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "invoice": invoice["number"],
            "customer": invoice["customer"],
            "article": line["article"],
            "amount": line["quantity"] * line["price"] * (100 - invoice.get("discount", 0)) // 100,
        }
        for invoice in invoices
        if not invoice.get("draft")
        for line in invoice["lines"]
    ]
