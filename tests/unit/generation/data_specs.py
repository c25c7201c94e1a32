"""Requests for data tools in several wordings, with a right and a wrong ``transform``."""

from __future__ import annotations

from tool_specs import ToolRequest

REVENUE = ToolRequest(
    text="""\
# Revenue by customer

Sum the revenue (quantity times price) of each customer. Customers with the highest revenue come first.
Refunded orders do not count.

Input (`orders.csv`):

```csv
customer,quantity,price,refunded
Ada,2,3.50,no
Bob,1,10,no
Ada,1,4,yes
```

Output:

```csv
customer,revenue
Bob,10
Ada,7
```
""",
    right={
        "transform": """\
def transform(orders):
    sums = {}
    for row in orders:
        if row["refunded"] == "no":
            sums[row["customer"]] = sums.get(row["customer"], 0) + row["quantity"] * row["price"]
    ordered = sorted(sums.items(), key=lambda pair: -pair[1])
    return [{"customer": name, "revenue": total} for name, total in ordered]
"""
    },
    wrong={
        "transform": """\
def transform(orders):
    return [{"customer": row["customer"], "revenue": row["price"]} for row in orders]
"""
    },
)

CITIES = ToolRequest(
    text="""\
Write a tool that reads a JSON list of people and groups their names by city.

Given:

```json
[{"name": "Ada", "city": "London"}, {"name": "Bo", "city": "Oslo"}, {"name": "Cy", "city": "London"}]
```

Expected output:

```json
{"London": ["Ada", "Cy"], "Oslo": ["Bo"]}
```
""",
    right={
        "transform": """\
def transform(rows):
    cities = {}
    for row in rows:
        cities.setdefault(row["city"], []).append(row["name"])
    return cities
"""
    },
    wrong={
        "transform": """\
def transform(rows):
    return {row["city"]: [row["name"]] for row in rows}
"""
    },
)

JOINED = ToolRequest(
    text="""\
# Join customers and orders

Turn two CSV files into one table: every order with the name of its customer, sorted by id. Orders without
a known customer are left out.

Given `orders.csv`:

| id | customer_id | zip |
|----|-------------|-----|
| 2  | 1 | 01234 |
| 1  | 9 | 99999 |

and `customers.csv`:

| customer_id | name |
|---|---|
| 1 | Ada |

Result:

| id | name | zip |
|---|---|---|
| 2 | Ada | 01234 |
""",
    right={
        "transform": """\
def transform(orders, customers):
    names = {row["customer_id"]: row["name"] for row in customers}
    known = [row for row in orders if row["customer_id"] in names]
    rows = [{"id": row["id"], "name": names[row["customer_id"]], "zip": row["zip"]} for row in known]
    return sorted(rows, key=lambda row: row["id"])
"""
    },
    wrong={
        "transform": """\
def transform(orders, customers):
    return orders
"""
    },
)

ALL = {"revenue": REVENUE, "cities": CITIES, "joined": JOINED}
