"""A generated service on disk, run by an interpreter of its own: all of them call their package `app`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from qlayer.generation.base import Skeleton
from qlayer.generation.intake import parse_spec
from qlayer.generation.splice import fill
from qlayer.generation.templates.service import ServiceTemplate
from qlayer.types.source import SourceTree

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
- a title must not contain digits

## Examples
POST /books {"title": "Dune", "pages": 412} -> 201 {"id": 1, "title": "Dune", "read": false}
POST /books {"title": "", "pages": 3} -> 422
POST /books {"title": "1984", "pages": 3} -> 422
GET /books/stats -> 200 {"count": 1, "pages": 412}
POST /books/1/finish -> 200 {"id": 1, "read": true}
POST /books/9/finish -> 404
GET /books/1 -> 200 {"read": true}
GET /books/stats -> 200 {"count": 1, "pages": 412}
"""

RIGHT = {
    "check_book_rules": (
        "def check_book_rules(book):\n"
        "    if any(ch.isdigit() for ch in book['title']):\n"
        "        raise ValueError('no digits')\n"
    ),
    "finish_book": "def finish_book(store, id):\n    return store.books.update(id, read=True)\n",
    "get_books_stats": (
        "def get_books_stats(store):\n"
        "    books = store.books.all()\n"
        "    return {'count': len(books), 'pages': sum(book['pages'] for book in books)}\n"
    ),
}

_PLAYER = """\
import asyncio, json, sys, httpx
from app.main import app

async def play(steps):
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        for method, path, body in steps:
            response = await client.request(method, path, json=body)
            yield [response.status_code, response.json() if response.content else None]

async def main():
    print(json.dumps([answer async for answer in play(json.load(sys.stdin))]))

asyncio.run(main())
"""


def skeleton_of(text: str) -> Skeleton:
    return ServiceTemplate().instantiate(parse_spec(text, template="service"))


def filled(skeleton: Skeleton, code: dict[str, str]) -> SourceTree:
    tree = skeleton.tree
    for slot in skeleton.slots:
        tree = fill(tree, slot, code[slot.name])
    return tree


def write(tree: SourceTree, folder: Path) -> Path:
    for path, data in tree.files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder


def play(folder: Path, *steps: tuple[str, str, Any]) -> list[tuple[int, Any]]:
    """Send (method, path, body) one after the other to a fresh service; returns (status, JSON) of each."""
    done = _python(folder, "-W", "error", "-c", _PLAYER, stdin=json.dumps(steps))
    assert done.returncode == 0, done.stderr
    return [(status, body) for status, body in json.loads(done.stdout)]


def own_tests(folder: Path) -> dict[str, bool]:
    """The project's tests, run as a user would, with warnings as errors: name -> passed."""
    plugins = ("-p", "no:asyncio", "-p", "no:cacheprovider")
    done = _python(folder, "-W", "error", "-m", "pytest", "-rA", "-q", *plugins)
    lines = [line.split("::") for line in done.stdout.splitlines() if line.startswith(("PASSED", "FAILED"))]
    assert lines, done.stdout + done.stderr
    return {name.split(" ")[0]: where.startswith("PASSED") for where, name in lines}


def _python(folder: Path, *args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *args]
    return subprocess.run(
        command, cwd=folder, input=stdin, capture_output=True, text=True, timeout=120, check=False
    )
