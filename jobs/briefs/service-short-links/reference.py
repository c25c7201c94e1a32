from typing import Any

from app.store import Store
from fastapi import HTTPException


def check_link_rules(link: dict[str, Any]) -> None:
    if not link["target"].startswith(("http://", "https://")):
        raise ValueError("target must be a web address")


def visit_link(store: Store, id: int) -> dict[str, Any]:
    return store.links.update(id, hits=store.links.get(id)["hits"] + 1)


def get_links_top(store: Store) -> list[dict[str, Any]]:
    visited = [link for link in store.links.all() if link["hits"]]
    return sorted(visited, key=lambda link: -link["hits"])[:3]


def get_find(store: Store, code: str) -> dict[str, Any]:
    found = store.links.find(code=code)
    if not found:
        raise HTTPException(status_code=404, detail="no such code")
    return found[0]
