"""Requests for services in natural wording, with right fillings of their slots and wrong ones."""

from __future__ import annotations

from tool_specs import ToolRequest

ORDERS = ToolRequest(
    text="""\
# Order desk

A web service that keeps orders of a small shop.

## Entities

- Order: customer (string), quantity (integer), unit_price (number), status (string, default "new")

## Routes

- POST /orders creates an order
- GET /orders lists all orders
- GET /orders/{id}
- GET /orders/{id}/total returns quantity times unit_price as "total"
- POST /orders/{id}/ship sets status to shipped
- POST /orders/{id}/cancel sets status to cancelled

## Rules

- quantity must be positive
- unit_price cannot be negative
- a shipped order cannot be cancelled (409)

## Examples

```
POST /orders {"customer": "Ada", "quantity": 2, "unit_price": 3.5} -> 201 {"id": 1, "status": "new"}
POST /orders {"customer": "Ada", "quantity": 0, "unit_price": 3.5} -> 422
GET /orders/1/total -> 200 {"total": 7.0}
POST /orders/1/cancel -> 200 {"status": "cancelled"}
POST /orders {"customer": "Bob", "quantity": 1, "unit_price": 1} -> 201 {"id": 2}
POST /orders/2/ship -> 200 {"status": "shipped"}
POST /orders/2/cancel -> 409
GET /orders/9/total -> 404
```
""",
    right={
        "get_order_total": (
            "def get_order_total(store, id):\n    order = store.orders.get(id)\n"
            "    return {'total': order['quantity'] * order['unit_price']}\n"
        ),
        "ship_order": "def ship_order(store, id):\n    return store.orders.update(id, status='shipped')\n",
        "cancel_order": (
            "def cancel_order(store, id):\n    if store.orders.get(id)['status'] == 'shipped':\n"
            "        raise ConflictError('shipped')\n    return store.orders.update(id, status='cancelled')\n"
        ),
    },
    wrong={
        "get_order_total": "def get_order_total(store, id):\n    return {'total': 1}\n",
        "ship_order": "def ship_order(store, id):\n    return store.orders.get(id)\n",
        "cancel_order": (
            "def cancel_order(store, id):\n    return store.orders.update(id, status='cancelled')\n"
        ),
    },
)

TASKS = ToolRequest(
    text="""\
# Task board

Entities:
* Task - title: text, priority: integer (1 to 5, default 3), done: boolean (default false)

Endpoints:
* POST /tasks
* GET /tasks?done=true  lists tasks, only those that are done or not done when asked
* GET /tasks/{id}
* PATCH /tasks/{id}
* DELETE /tasks/{id}

Rules:
* title must not be empty

Examples:

POST /tasks {"title": "write"} -> 201 {"id": 1, "priority": 3, "done": false}
POST /tasks {"title": "read", "done": true} -> 201 {"id": 2}
POST /tasks {"title": ""} -> 422
POST /tasks {"title": "x", "priority": 9} -> 422
GET /tasks?done=true -> 200 [{"id": 2, "title": "read"}]
GET /tasks?done=false -> 200 [{"id": 1, "title": "write"}]
GET /tasks -> 200 [{"id": 1}, {"id": 2}]
PATCH /tasks/1 {"done": true} -> 200 {"id": 1, "done": true}
DELETE /tasks/2 -> 204
GET /tasks/2 -> 404
""",
    right={},
    wrong={},
)

LIBRARY = ToolRequest(
    text="""\
# Library

The service keeps books and members; members borrow books.

## Entities

| Entity | Field | Type | Default |
|---|---|---|---|
| Book | title | string | |
| Book | copies | integer | 1 |
| Member | name | string | |
| Loan | book_id | integer | |
| Loan | member_id | integer | |

## API

| Method | Path | Description |
|---|---|---|
| POST | /books | add a book |
| GET | /books | list books |
| POST | /members | add a member |
| POST | /loans | lend a book if a copy is left, otherwise answer 409 |
| DELETE | /loans/{id} | give the book back |

## Constraints

- copies must be at least 0

## Examples

- POST /books {"title": "Dune"} -> 201 {"id": 1, "copies": 1}
- POST /books {"title": "Dune", "copies": -1} -> 422
- POST /members {"name": "Ada"} -> 201 {"id": 1}
- POST /loans {"book_id": 1, "member_id": 1} -> 201 {"id": 1, "book_id": 1}
- POST /loans {"book_id": 1, "member_id": 1} -> 409
- DELETE /loans/1 -> 204
- POST /loans {"book_id": 1, "member_id": 1} -> 201
- POST /loans {"book_id": 7, "member_id": 1} -> 404
""",
    right={
        "create_loan": (
            "def create_loan(store, loan):\n    book = store.books.get(loan['book_id'])\n"
            "    if len(store.loans.find(book_id=book['id'])) >= book['copies']:\n"
            "        raise ConflictError('no copy left')\n    return store.loans.create(**loan)\n"
        )
    },
    wrong={"create_loan": "def create_loan(store, loan):\n    return store.loans.create(**loan)\n"},
)

ROOMS = ToolRequest(
    text="""\
# Meeting rooms

Build a REST API for booking rooms.

Resources:

1. Room: name (text, unique), seats (whole number, > 0)
2. Booking: room_id (int), start (int), end (int), who (text)

Operations:

1. POST /rooms, GET /rooms
2. POST /bookings creates a booking unless the room is taken in that time; then it answers 409
3. GET /bookings

Validation:

1. end must be greater than start

Scenario:

POST /rooms {"name": "Blue", "seats": 4} -> 201 {"id": 1}
POST /rooms {"name": "Blue", "seats": 4} -> 409
POST /bookings {"room_id": 1, "start": 9, "end": 11, "who": "Ada"} -> 201 {"id": 1}
POST /bookings {"room_id": 1, "start": 10, "end": 12, "who": "Bob"} -> 409
POST /bookings {"room_id": 1, "start": 11, "end": 12, "who": "Bob"} -> 201 {"id": 2}
POST /bookings {"room_id": 1, "start": 13, "end": 13, "who": "Bob"} -> 422
""",
    right={
        "create_booking": (
            "def create_booking(store, booking):\n"
            "    for other in store.bookings.find(room_id=booking['room_id']):\n"
            "        if other['start'] < booking['end'] and booking['start'] < other['end']:\n"
            "            raise ConflictError('taken')\n    return store.bookings.create(**booking)\n"
        ),
    },
    wrong={
        "create_booking": "def create_booking(store, booking):\n    return store.bookings.create(**booking)\n"
    },
)

WALLET = ToolRequest(
    text="""\
# Wallet

Keep wallets with a balance in cents.

## Data model

- Wallet: owner (str), balance (int, default 0)

## Routes

- POST /wallets
- GET /wallets/{id}
- POST /wallets/{id}/deposit takes {"amount": 5} and adds it to the balance
- POST /wallets/{id}/withdraw takes {"amount": 5} and subtracts it from the balance

## Business rules

- balance cannot be negative
- a withdrawal of more than the balance is refused with 409
- amount must be positive, else 422

## Examples

POST /wallets {"owner": "Ada"} -> 201 {"id": 1, "balance": 0}
POST /wallets/1/deposit {"amount": 50} -> 200 {"balance": 50}
POST /wallets/1/deposit {"amount": 0} -> 422
POST /wallets/1/withdraw {"amount": 20} -> 200 {"balance": 30}
POST /wallets/1/withdraw {"amount": 31} -> 409
POST /wallets/1/withdraw {"amount": -1} -> 422
GET /wallets/1 -> 200 {"balance": 30}
""",
    right={
        "deposit_wallet": (
            "def deposit_wallet(store, id, body):\n"
            "    if body['amount'] <= 0:\n        raise ValueError('no')\n"
            "    return store.wallets.update(id, balance=store.wallets.get(id)['balance'] + body['amount'])\n"
        ),
        "withdraw_wallet": (
            "def withdraw_wallet(store, id, body):\n"
            "    if body['amount'] <= 0:\n        raise ValueError('no')\n"
            "    balance = store.wallets.get(id)['balance'] - body['amount']\n"
            "    if balance < 0:\n        raise ConflictError('too much')\n"
            "    return store.wallets.update(id, balance=balance)\n"
        ),
    },
    wrong={
        "deposit_wallet": "def deposit_wallet(store, id, body):\n    return store.wallets.get(id)\n",
        "withdraw_wallet": "def withdraw_wallet(store, id, body):\n    return store.wallets.get(id)\n",
    },
)

CATALOGUE = ToolRequest(
    text="""\
# Product catalogue

## Entities
- Product: name (str), category (str), price (float)

## Routes
- POST /products
- GET /products  filter by category, at most `limit` products after skipping `offset`
- GET /products/{id}

## Rules
- price must be greater than 0

## Examples
POST /products {"name": "Pen", "category": "office", "price": 1.5} -> 201 {"id": 1}
POST /products {"name": "Cup", "category": "kitchen", "price": 4} -> 201 {"id": 2}
POST /products {"name": "Pad", "category": "office", "price": 3} -> 201 {"id": 3}
GET /products?category=office -> 200 [{"name": "Pen"}, {"name": "Pad"}]
GET /products?limit=1&offset=1 -> 200 [{"name": "Cup"}]
GET /products?category=office&limit=1 -> 200 [{"name": "Pen"}]
GET /products?category=garden -> 200 []
""",
    right={},
    wrong={},
)

TICKETS = ToolRequest(
    text="""\
# Support tickets

Customers open tickets. A ticket is open, then in progress, then closed.

## Entities

- Ticket: subject (str), state (one of open, in_progress, closed; default open)

## Routes

- POST /tickets
- GET /tickets/{id}
- POST /tickets/{id}/start   moves an open ticket to in_progress
- POST /tickets/{id}/close   closes a ticket that is in progress
- GET /tickets/summary   the number of tickets in each state

## Rules

- only an open ticket can be started, otherwise 409
- only a ticket in progress can be closed, otherwise 409
- subject must be at least 3 characters

## Examples

POST /tickets {"subject": "Printer"} -> 201 {"id": 1, "state": "open"}
POST /tickets {"subject": "ab"} -> 422
POST /tickets/1/close -> 409
POST /tickets/1/start -> 200 {"state": "in_progress"}
POST /tickets/1/start -> 409
POST /tickets/1/close -> 200 {"state": "closed"}
POST /tickets {"subject": "Screen"} -> 201 {"id": 2}
GET /tickets/summary -> 200 {"open": 1, "in_progress": 0, "closed": 1}
""",
    right={
        "start_ticket": (
            "def start_ticket(store, id):\n    if store.tickets.get(id)['state'] != 'open':\n"
            "        raise ConflictError('not open')\n"
            "    return store.tickets.update(id, state='in_progress')\n"
        ),
        "close_ticket": (
            "def close_ticket(store, id):\n    if store.tickets.get(id)['state'] != 'in_progress':\n"
            "        raise ConflictError('not begun')\n    return store.tickets.update(id, state='closed')\n"
        ),
        "get_tickets_summary": (
            "def get_tickets_summary(store):\n"
            "    states = ('open', 'in_progress', 'closed')\n"
            "    return {state: len(store.tickets.find(state=state)) for state in states}\n"
        ),
    },
    wrong={
        "start_ticket": (
            "def start_ticket(store, id):\n    return store.tickets.update(id, state='in_progress')\n"
        ),
        "close_ticket": "def close_ticket(store, id):\n    return store.tickets.update(id, state='closed')\n",
        "get_tickets_summary": "def get_tickets_summary(store):\n    return {'open': 1}\n",
    },
)

CONVERTER = ToolRequest(
    text="""\
# Unit converter

A small HTTP service without any stored data.

## Routes

- GET /convert?celsius=20  converts degrees Celsius to Fahrenheit, as "fahrenheit"
- POST /median  takes {"values": [3, 1, 2]} and returns their median as "median"; 422 when there are none

## Examples

GET /convert?celsius=100 -> 200 {"fahrenheit": 212}
GET /convert?celsius=-40 -> 200 {"fahrenheit": -40}
POST /median {"values": [3, 1, 2]} -> 200 {"median": 2}
POST /median {"values": []} -> 422
""",
    right={
        "get_convert": "def get_convert(celsius):\n    return {'fahrenheit': celsius * 9 / 5 + 32}\n",
        "post_median": (
            "def post_median(body):\n    values = sorted(body['values'])\n    if not values:\n"
            "        raise ValueError('no values')\n    return {'median': values[len(values) // 2]}\n"
        ),
    },
    wrong={
        "get_convert": "def get_convert(celsius):\n    return {'fahrenheit': celsius + 32}\n",
        "post_median": "def post_median(body):\n    return {'median': body['values'][0]}\n",
    },
)

ALL = {
    "orders": ORDERS,
    "tasks": TASKS,
    "library": LIBRARY,
    "rooms": ROOMS,
    "wallet": WALLET,
    "catalogue": CATALOGUE,
    "tickets": TICKETS,
    "converter": CONVERTER,
}
