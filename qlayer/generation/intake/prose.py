"""Title and description: the part of a request that is for people, without its code and examples."""

from __future__ import annotations

import re

from qlayer.generation.intake.heads import Head
from qlayer.generation.intake.page import blank

MAX_TITLE_CHARS = 80

_HEADING = re.compile(r"^[ \t]*#{1,6}[ \t]+(.+?)[ \t#]*$", re.M)
_FENCE_MARK = re.compile(r"^[ \t]*```.*$", re.M)
_EXAMPLES_LABEL = re.compile(r"^\W*(?:for )?examples?\W*$", re.M | re.I)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s")


def title_of(page: str, rest: str, head: Head | None) -> str:
    """The first heading but "Examples", else the first sentence, at most `MAX_TITLE_CHARS` characters."""
    prose = _EXAMPLES_LABEL.sub("", _prose(page, rest))
    heading = _HEADING.search(prose)
    words = heading[1] if heading else _first_sentence(prose)
    if not any(ch.isalpha() for ch in words):
        words = head.signature.name if head else _first_sentence(page)
    words = " ".join(words.replace("`", "").split())
    if len(words) <= MAX_TITLE_CHARS:
        return words
    return words[: MAX_TITLE_CHARS - 3].rpartition(" ")[0].rstrip(" ,;:") + "..."


def _first_sentence(text: str) -> str:
    paragraph = next((part for part in text.split("\n\n") if any(ch.isalpha() for ch in part)), "")
    return _SENTENCE_END.split(" ".join(paragraph.split()))[0].strip(" \"'`*#-")


def description_of(page: str, rest: str, head: Head | None) -> str:
    """The prose without its title and without lines that were code or examples.

    Where the function has a docstring, what is said around its block; that docstring when nothing is.
    """
    docstring = head.signature.docstring if head is not None else ""
    if head is not None and docstring:
        page, rest = (blank(text, (head.block,)) for text in (page, rest))
        return description_of(page, rest, None) or docstring
    prose = _EXAMPLES_LABEL.sub("", _FENCE_MARK.sub("", _HEADING.sub("", _prose(page, rest), count=1)))
    return re.sub(r"\n{3,}", "\n\n", prose).strip()


def _prose(page: str, rest: str) -> str:
    """The lines of the page of which something is left to read, whole, so that no sentence has holes."""
    pairs = zip(page.split("\n"), rest.split("\n"), strict=True)
    return "\n".join(line.rstrip() if any(ch.isalpha() for ch in left) else "" for line, left in pairs)
