"""Reading a service's entities, routes, rules and request examples out of plain lines and Markdown."""

from __future__ import annotations

import pytest

from qlayer.generation.intake_http import HttpParts, parse_http
from qlayer.types.spec import EntityField, HttpExample

BOOKS = """\
# Book shelf
A small service that keeps books.
## Entities
- Book: title (str), pages (int), read (bool, default false)
## Routes
- POST /books create a book
- GET /books list books
- GET /books/{id}
- PUT /books/{id} / PATCH / DELETE /books/{id}
- GET /books/stats  returns {"count": ..., "pages": ...} over all books
- POST /books/{id}/finish  marks a book as read
## Rules
- pages must be greater than 0
- title must not be empty
## Examples
POST /books {"title": "Dune", "pages": 412} -> 201 {"id": 1, "title": "Dune", "read": false}
POST /books {"title": "", "pages": 3} -> 422
GET /books/stats -> 200 {"count": 1, "pages": 412}
"""


def example(line: str) -> HttpExample:
    parts = parse_http(f"## Examples\n{line}\n")
    assert parts.ignored == ()
    (only,) = parts.scenario
    return only


def refusal(line: str) -> str:
    parts = parse_http(f"## Examples\n{line}\n")
    assert parts.scenario == ()
    (only,) = parts.ignored
    return only.reason


def routes(line: str) -> list[tuple[str, str, str]]:
    return [(r.method, r.path, r.summary) for r in parse_http(f"## Routes\n{line}\n").routes]


def fields(line: str) -> tuple[EntityField, ...]:
    parts = parse_http(f"## Entities\n{line}\n")
    return parts.entities[0].fields


def test_a_whole_request_is_read() -> None:
    parts = parse_http(BOOKS)
    (book,) = parts.entities
    assert book.name == "Book"
    assert book.fields == (
        EntityField(name="title"),
        EntityField(name="pages", type="int"),
        EntityField(name="read", type="bool", required=False, default="False"),
    )
    assert [(r.method, r.path) for r in parts.routes] == [
        ("POST", "/books"),
        ("GET", "/books"),
        ("GET", "/books/{id}"),
        ("PUT", "/books/{id}"),
        ("PATCH", "/books/{id}"),
        ("DELETE", "/books/{id}"),
        ("GET", "/books/stats"),
        ("POST", "/books/{id}/finish"),
    ]
    assert parts.rules == ("pages must be greater than 0", "title must not be empty")
    assert [step.status for step in parts.scenario] == [201, 422, 200]
    assert parts.scenario[0].body == {"title": "Dune", "pages": 412}
    assert parts.scenario[0].line == 16
    assert parts.ignored == ()


def test_the_lines_it_read_are_told_and_prose_is_not_among_them() -> None:
    assert set(parse_http(BOOKS).lines) == set(range(3, 19))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Write a function add(a: int, b: int) -> int that adds.\n\n## Examples\n- add(1, 2) == 3\n",
        "DELETE the first element, then GET the rest -> 200 of them\n",
        "\x00\x01\n{{{[[[\n| | |\n```\n",
    ],
)
def test_what_is_not_about_http_gives_nothing(text: str) -> None:
    assert parse_http(text) == HttpParts(lines=parse_http(text).lines)


@pytest.mark.parametrize(
    "line",
    [
        'POST /books {"title": "Dune"} -> 201 {"id": 1}',
        '- `POST /books {"title": "Dune"} => 201 {"id": 1}`',
        '1. POST /books {"title": "Dune"} → 201 Created {"id": 1}',
        "POST /books with body {'title': 'Dune'} returns 201 {'id': 1}  # made",
        '| POST | /books | {"title": "Dune"} | 201 | {"id": 1} |',
        '```\nPOST /books {\n  "title": "Dune"\n}\n-> 201 {\n  "id": 1\n}\n```',
    ],
)
def test_forms_of_one_example(line: str) -> None:
    read = example(line)
    assert (read.method, read.path, read.body) == ("POST", "/books", {"title": "Dune"})
    assert (read.status, read.expected) == (201, {"id": 1})


def test_an_example_keeps_its_query_and_may_expect_a_status_only() -> None:
    read = example("GET /books?read=true&q=a%20b -> 404 not found")
    assert (read.path, read.status, read.expected) == ("/books?read=true&q=a%20b", 404, None)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("GET /books/{id} -> 200", "placeholder"),
        ("GET /books/:id -> 200", "placeholder"),
        ("GET /books -> a list", "no status code"),
        ("GET /books", "no status code"),
        ('GET /books/stats -> 200 {"count": ...}', "expected body is not JSON"),
        ('POST /books {"title": Dune} -> 201', "request body is not JSON"),
        ('POST /books {"a": NaN} -> 201', "request body is not JSON"),
        ('GET /books -> 200 {"count": 1} or maybe 2', "not understood"),
    ],
)
def test_what_cannot_be_trusted_is_ignored_with_the_reason(line: str, reason: str) -> None:
    assert reason in refusal(line)


def test_examples_outside_their_section_need_a_status_and_among_routes_also_json() -> None:
    text = "GET /a -> 200\n## Routes\n- POST /b -> 201\n- POST /c {} -> 201\n- GET /d -> all of them\n"
    parts = parse_http(text)
    assert [step.path for step in parts.scenario] == ["/a", "/c"]
    assert [route.path for route in parts.routes] == ["/b", "/d"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("- GET /books/:id one book", [("GET", "/books/{id}", "one book")]),
        ("### GET /books/{id} one book", [("GET", "/books/{id}", "one book")]),
        ("- `GET /books/<int:id>`: one book.", [("GET", "/books/{id}", "one book")]),
        ("| GET | /books | list |", [("GET", "/books", "list")]),
        ("GET, POST /books/", [("GET", "/books", ""), ("POST", "/books", "")]),
        ("- PUT /a / PATCH / DELETE /a x", [("PUT", "/a", "x"), ("PATCH", "/a", "x"), ("DELETE", "/a", "x")]),
        ("- PUT /a / DELETE", [("PUT", "/a", ""), ("DELETE", "/a", "")]),
    ],
)
def test_forms_of_routes(line: str, expected: list[tuple[str, str, str]]) -> None:
    assert routes(line) == expected


def test_crud_stands_for_six_routes() -> None:
    assert len(routes("- CRUD /books")) == 6


@pytest.mark.parametrize(
    "line",
    [
        "- Book: title (str), pages (int, default 0)",
        "- **Book** (title: string, pages: integer = 0)",
        "Book has title, pages (whole, default 0)",
        "- Book\n  - title: text\n  - pages: int, defaults to 0",
        "### Book\n| Field | Type | Default |\n|--|--|--|\n| title | str | |\n| pages | int | 0 |",
    ],
)
def test_forms_of_entities(line: str) -> None:
    assert fields(line) == (
        EntityField(name="title"),
        EntityField(name="pages", type="int", required=False, default="0"),
    )


def test_the_id_is_the_platforms_and_optional_fields_have_no_default() -> None:
    assert fields("- Book: id (int), due (date, optional), by: str?") == (
        EntityField(name="due", type="date", required=False),
        EntityField(name="by", required=False),
    )


def test_what_is_said_about_a_field_becomes_a_rule() -> None:
    line = "- Book: pages (int, > 0), stars (int, 1 to 5), state (one of open, lent), isbn (str, unique)"
    assert parse_http(f"## Entities\n{line}\n").rules == (
        "pages must be > 0",
        "stars must be between 1 and 5",
        "state must be one of open, lent",
        "isbn must be unique",
    )


@pytest.mark.parametrize("said", ["pages (int, purple)", "pages (int, default many)", "class (str)"])
def test_what_is_not_understood_of_a_field_is_told(said: str) -> None:
    (ignored,) = parse_http(f"## Entities\n- Book: title, {said}\n").ignored
    assert ignored.line == 2


def test_labels_and_rule_lines_work_without_markdown() -> None:
    parts = parse_http("Routes:\nGET /a\n\nRule: x must be positive\n\nRules:\n* y must be **even**.\n")
    assert parts.rules == ("x must be positive", "y must be even")
    assert len(parts.routes) == 1
