from typing import Any

from app.store import ConflictError, Store


def create_loan(store: Store, loan: dict[str, Any]) -> dict[str, Any]:
    book, member = store.books.get(loan["book_id"]), store.members.get(loan["member_id"])
    if len(store.loans.find(book_id=book["id"])) >= book["copies"]:
        raise ConflictError("no copy left")
    if len(store.loans.find(member_id=member["id"])) >= 2:
        raise ConflictError("two loans already")
    return store.loans.create(**loan)


def get_member_books(store: Store, id: int) -> list[dict[str, Any]]:
    member = store.members.get(id)
    return [store.books.get(loan["book_id"]) for loan in store.loans.find(member_id=member["id"])]
