"""The service family: what is made without a token, what is left to a model, and what proves it."""

from __future__ import annotations

import subprocess
import sys
from ast import literal_eval
from pathlib import Path

import pytest
from service_project import BOOKS, RIGHT, filled, own_tests, play, skeleton_of, write

from qlayer.errors import InputError
from qlayer.generation.base import Slot
from qlayer.generation.intake import parse_spec
from qlayer.generation.prompt import greedy_prompt
from qlayer.generation.templates.service import ServiceTemplate
from qlayer.types.check import HttpPlan
from qlayer.types.spec import Spec

LOANS = """\
# Loans
## Entities
- Author: name (str, unique), born: date?, rating (float, 0 to 5)
- BookLoan: author_id (int), days (int, default 14), state (one of open, closed), order (str, optional)
## Routes
- POST /authors
- GET /book-loans?state=open  list loans, newest first
- POST /book-loans  keep a loan and set its state to open
- GET /authors/{author_id}/loans  list the loans of an author
- POST /authors/{id}/delete
- GET /search?from=x
## Examples
POST /authors {"name": "Ada", "rating": 4.5} -> 201 {"id": 1, "born": null}
POST /authors {"name": "Ada", "rating": 4.5} -> 409
POST /authors {"name": "Bob", "rating": 6} -> 400
GET /book-loans?state=open -> 200 []
GET /search?from=a -> 200 {"found": 0}
"""

PLAIN = """\
# Greeter
## Routes
- GET /hello/{name}  greets
## Examples
GET /hello/Ada -> 200 {"text": "Hello"}
"""


def slot(skeleton_text: str, name: str) -> Slot:
    return next(slot for slot in skeleton_of(skeleton_text).slots if slot.name == name)


def steps(of: Slot) -> list[tuple[str, bool]]:
    """Name of each step that proves the slot, and whether its answer is judged."""
    (plan,) = of.checks
    assert isinstance(plan, HttpPlan) and plan.trusted
    return [(case.name, case.expected is not None) for case in plan.cases]


@pytest.mark.parametrize(
    ("text", "score"),
    [
        (BOOKS, 1.0),
        ("## Entities\n- Book: title\n", 0.7),
        ("Write `add(a: int, b: int) -> int`.\n\nadd(1, 2) == 3\n", 0.0),
    ],
)
def test_fit(text: str, score: float) -> None:
    assert ServiceTemplate().fit(parse_spec(text)).score == score


def test_the_same_spec_gives_the_same_bytes() -> None:
    assert skeleton_of(BOOKS).tree.digest == skeleton_of(BOOKS).tree.digest


def test_plain_routes_and_simple_rules_cost_no_slot() -> None:
    skeleton = skeleton_of(BOOKS)
    assert [(s.name, s.signature) for s in skeleton.slots] == [
        ("check_book_rules", "def check_book_rules(book: dict[str, Any]) -> None"),
        ("finish_book", "def finish_book(store: Store, id: int) -> dict[str, Any]"),
        ("get_books_stats", "def get_books_stats(store: Store) -> dict[str, Any]"),
    ]
    rules = skeleton.tree.text("app/rules.py")
    assert 'if book["pages"] <= 0:' in rules
    assert 'if not book["title"].strip():' in rules


def test_a_service_of_rows_only_needs_no_model_and_proves_itself(tmp_path: Path) -> None:
    skeleton = skeleton_of("# Shelf\n## Entities\n- Book: title (not empty), pages (int, > 0)\n")
    assert skeleton.slots == ()
    assert [plan.name for plan in skeleton.final] == ["rows and rules", "project tests"]
    assert own_tests(write(skeleton.tree, tmp_path)) == {"test_smoke": True, "test_rows_and_rules": True}


def test_the_bare_skeleton_boots_and_only_the_unwritten_is_missing(tmp_path: Path) -> None:
    folder = write(skeleton_of(BOOKS).tree, tmp_path)
    assert own_tests(folder) == {"test_smoke": True, "test_rows_and_rules": True, "test_examples": False}
    answers = play(
        folder,
        ("POST", "/books", {"title": "Dune", "pages": 412}),
        ("GET", "/books/stats", None),
        ("POST", "/books/1/finish", None),
    )
    assert [status for status, _ in answers] == [201, 501, 501]


def test_filled_slots_make_the_examples_pass(tmp_path: Path) -> None:
    tree = filled(skeleton_of(BOOKS), RIGHT)
    assert all(own_tests(write(tree, tmp_path)).values())


def test_rows_live_as_http_says(tmp_path: Path) -> None:
    book = {"title": "Dune", "pages": 412, "read": False}
    answers = play(
        write(filled(skeleton_of(BOOKS), RIGHT), tmp_path),
        ("POST", "/books", {"title": "Dune", "pages": 412}),
        ("GET", "/books", None),
        ("PATCH", "/books/1", {"read": True}),
        ("PATCH", "/books/1", {"pages": 0}),
        ("PATCH", "/books/1", {"title": None}),
        ("PUT", "/books/1", {"title": "Emma", "pages": 3}),
        ("GET", "/books/2", None),
        ("GET", f"/books/{2**70}", None),
        ("POST", "/books", {"title": "Big", "pages": 2**70}),
        ("DELETE", "/books/1", None),
        ("POST", "/books", book),
    )
    statuses = [status for status, _ in answers]
    assert statuses == [201, 200, 200, 422, 422, 200, 404, 404, 422, 204, 201]
    assert answers[1][1] == [{**book, "id": 1}]
    assert answers[2][1] == {**book, "id": 1, "read": True}
    assert answers[-1][1]["id"] == 2, "an id is never given twice"


def test_a_handler_that_fails_half_way_changes_nothing_and_cannot_name_columns_freely(tmp_path: Path) -> None:
    code = dict(RIGHT)
    code["finish_book"] = (
        "def finish_book(store, id):\n"
        "    store.books.update(id, {'read': True})\n"
        "    return store.books.update(id, {'read = 1; --': 2})\n"
    )
    answers = play(
        write(filled(skeleton_of(BOOKS), code), tmp_path),
        ("POST", "/books", {"title": "Dune", "pages": 412}),
        ("POST", "/books/1/finish", None),
        ("GET", "/books/1", None),
    )
    assert answers[1] == (422, {"detail": "books has no field read = 1; --"})
    assert answers[2][1]["read"] is False


@pytest.mark.parametrize("text", [BOOKS, LOANS, PLAIN, "## Entities\n- Node: label\n"])
def test_what_is_written_is_clean_and_formatted(text: str, tmp_path: Path) -> None:
    write(skeleton_of(text).tree, tmp_path)
    for command in (["check"], ["format", "--check", "--diff"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", "."],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("text", [BOOKS, LOANS])
def test_prompts_stay_small(text: str) -> None:
    for each in skeleton_of(text).slots:
        user = greedy_prompt(each, parse_spec(text, template="service"))[-1].content
        assert len(user) < 1_400, "about 350 tokens"


def test_an_action_is_judged_on_its_own_steps_and_on_what_they_change() -> None:
    assert steps(slot(BOOKS, "finish_book")) == [
        ("1. POST /books", True),
        ("2. GET /books/stats", False),
        ("3. POST /books/1/finish", True),
        ("4. POST /books/9/finish", True),
        ("5. GET /books/1", True),
    ]


def test_a_reading_action_is_not_blamed_for_what_another_action_should_have_changed() -> None:
    assert steps(slot(BOOKS, "get_books_stats")) == [
        ("1. POST /books", True),
        ("2. GET /books/stats", True),
        ("3. POST /books/1/finish", False),
        ("4. GET /books/1", False),
        ("5. GET /books/stats", True),
    ]


def test_rules_are_judged_on_the_writes_of_their_entity() -> None:
    assert steps(slot(BOOKS, "check_book_rules")) == [
        ("1. POST /books", True),
        ("2. POST /books", True),
        ("3. POST /books", True),
    ]


def test_what_no_example_exercises_has_no_checks() -> None:
    text = BOOKS.partition("## Examples")[0]
    assert all(each.checks == () for each in skeleton_of(text).slots)


def test_an_example_becomes_a_case_that_holds_status_and_body() -> None:
    examples = next(plan for plan in skeleton_of(BOOKS).final if plan.name == "examples")
    assert isinstance(examples, HttpPlan)
    first = examples.cases[0]
    assert literal_eval(first.kwargs) == {
        "method": "POST",
        "path": "/books",
        "body": {"title": "Dune", "pages": 412},
    }
    assert first.expected is not None
    assert literal_eval(first.expected.value) == {
        "status": 201,
        "body": {"id": 1, "title": "Dune", "read": False},
    }


def test_odd_routes_and_names(tmp_path: Path) -> None:
    skeleton = skeleton_of(LOANS)
    assert {each.name: each.signature for each in skeleton.slots} == {
        "create_book_loan": "def create_book_loan(store: Store, book_loan: dict[str, Any]) -> dict[str, Any]",
        "delete_author": "def delete_author(store: Store, id: int) -> dict[str, Any]",
        "get_book_loans": "def get_book_loans(store: Store, state: str) -> list[dict[str, Any]]",
        "get_author_loans": "def get_author_loans(store: Store, author_id: int) -> list[dict[str, Any]]",
        "get_search": "def get_search(store: Store, from_: str) -> dict[str, Any]",
    }
    code = {
        "create_book_loan": "def create_book_loan(store, loan):\n    return store.book_loans.create(loan)\n",
        "delete_author": "def delete_author(store, id):\n    return {}\n",
        "get_book_loans": "def get_book_loans(store, state):\n    return store.book_loans.all()\n",
        "get_author_loans": "def get_author_loans(store, author_id):\n    return []\n",
        "get_search": "def get_search(store, from_):\n    return {'found': 0, 'from': from_}\n",
    }
    folder = write(filled(skeleton, code), tmp_path)
    assert all(own_tests(folder).values())
    loan = {"author_id": 1, "state": "open"}
    answers = play(
        folder,
        ("POST", "/book-loans", loan),
        ("POST", "/book-loans", {**loan, "state": "lost"}),
        ("POST", "/book-loans", {"state": "open"}),
        ("GET", "/search?from=a", None),
        ("POST", "/authors", {"name": "Ada", "rating": 1, "born": "1815-12-10"}),
        ("POST", "/authors", {"name": "Eve", "rating": 1, "born": "yesterday"}),
    )
    assert [status for status, _ in answers] == [201, 400, 400, 200, 201, 400]
    assert answers[0][1] == {**loan, "id": 1, "days": 14, "order": None}
    assert answers[3][1] == {"found": 0, "from": "a"}
    assert answers[4][1]["born"] == "1815-12-10"


def test_a_service_without_entities_keeps_no_rows(tmp_path: Path) -> None:
    skeleton = skeleton_of(PLAIN)
    assert "app/store.py" not in skeleton.tree
    (only,) = skeleton.slots
    assert only.signature == "def get_hello(name: str) -> dict[str, Any]"
    tree = filled(skeleton, {"get_hello": "def get_hello(name):\n    return {'text': 'Hello'}\n"})
    assert all(own_tests(write(tree, tmp_path)).values())


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("Just words.", "routes"),
        ("## Entities\n- Book: title, schema (str)\n", "entities.Book"),
        ("## Routes\n" + "".join(f"- GET /r{n}\n" for n in range(61)), "routes"),
        ("## Entities\n" + "".join(f"- E{chr(97 + n)}: x\n" for n in range(13)), "entities"),
    ],
)
def test_what_cannot_be_made_is_refused_by_name(text: str, field: str) -> None:
    spec = parse_spec(text, template="service") if "##" in text else Spec(title=text, description=text)
    with pytest.raises(InputError) as refused:
        ServiceTemplate().instantiate(spec)
    assert refused.value.field == field
