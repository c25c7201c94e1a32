"""A function's name out of a title, for requests that show neither a head nor a call."""

from __future__ import annotations

import keyword
import re
import sys

MAX_NAME_CHARS = 40
MAX_WORDS = 4

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
# fmt: off
_SMALL_WORDS = frozenset({
    "a", "an", "the", "write", "create", "make", "implement", "build", "define", "design", "function",
    "python", "program", "please", "that", "to", "which", "returns", "return", "given", "of", "for", "in",
    "and", "is", "it", "my", "me", "with", "from", "says", "whether",
})
# fmt: on


def function_name(title: str) -> str:
    """The title's first words that mean something, as an identifier; ``solve`` when there are none."""
    words = [word for word in _NOT_WORD.split(title.lower()) if len(word) > 1 and word not in _SMALL_WORDS]
    return identifier("_".join(words[:MAX_WORDS])) or "solve"


def identifier(text: str) -> str:
    """At most `MAX_NAME_CHARS` characters, a valid name and no keyword; empty when nothing is left."""
    name = _NOT_WORD.sub("_", text.lower()).strip("_")[:MAX_NAME_CHARS].rstrip("_")
    if name[:1].isdigit():
        name = f"f_{name}"
    return f"{name}_" if keyword.iskeyword(name) else name


def package_name(name: str) -> str:
    """A package name near `name` that shadows neither the standard library nor pytest."""
    package = identifier(_CAMEL.sub("_", name)) or "library"
    taken = package in sys.stdlib_module_names or package in ("test", "tests", "src", "pytest")
    return f"{package}_lib" if taken else package
