"""Names in the generated service: snake case, plurals, identifiers that Python and pydantic accept."""

from __future__ import annotations

import keyword
import re

_IRREGULAR = {"person": "people", "child": "children", "man": "men", "woman": "women", "foot": "feet"}


def snake(name: str) -> str:
    """``BookLoan`` -> ``book_loan``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()


def plural(word: str) -> str:
    """The plural of an English noun in snake case; only its last part changes."""
    head, _, last = word.rpartition("_")
    lead = f"{head}_" if head else ""
    if last in _IRREGULAR:
        return lead + _IRREGULAR[last]
    if re.search(r"[^aeiou]y$", last):
        return lead + last[:-1] + "ies"
    if re.search(r"(s|x|z|ch|sh)$", last):
        return lead + last + "es"
    return lead + last + "s"


def identifier(text: str, taken: frozenset[str] = frozenset()) -> str:
    """A Python name near `text` that is no keyword and not among `taken`."""
    name = re.sub(r"\W+", "_", text).strip("_").lower() or "value"
    if name[0].isdigit():
        name = f"n{name}"
    return f"{name}_" if keyword.iskeyword(name) or name in taken else name


def unique_name(name: str, taken: set[str]) -> str:
    """`name`, or `name` with the first free number; it is added to `taken`."""
    number, free = 2, name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    taken.add(free)
    return free


def phrase(name: str) -> str:
    """``book_loan`` -> ``book loan``."""
    return name.replace("_", " ")


def with_article(noun: str) -> str:
    """``author`` -> ``an author``."""
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"
