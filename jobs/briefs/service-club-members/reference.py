from typing import Any

from app.store import ConflictError, Store


def check_member_rules(member: dict[str, Any]) -> None:
    if member["email"].count("@") != 1:
        raise ValueError("email must contain exactly one @")


def create_payment(store: Store, payment: dict[str, Any]) -> dict[str, Any]:
    if not store.members.get(payment["member_id"])["active"]:
        raise ConflictError("not active")
    return store.payments.create(**payment)


def get_member_fee(store: Store, id: int) -> dict[str, Any]:
    fee = 60 if store.members.get(id)["age"] < 18 else 120
    paid = sum(payment["euros"] for payment in store.payments.find(member_id=id))
    return {"fee": fee, "paid": paid, "due": max(0, fee - paid)}


def get_members_debtors(store: Store) -> list[dict[str, Any]]:
    debtors = []
    for member in store.members.find(active=True):
        paid = sum(payment["euros"] for payment in store.payments.find(member_id=member["id"]))
        if paid < (60 if member["age"] < 18 else 120):
            debtors.append(member)
    return debtors
