"""Reads single lines that begin with an HTTP method: routes (`GET /books list books`) and request examples.

An example is ``METHOD path [JSON] -> status [JSON]``. It becomes a trusted test only when it is understood to
the last character that matters; otherwise the reader answers with the reason as a clause.
"""

from __future__ import annotations

import ast
import json
import re
from typing import Any, Literal, cast

from qlayer.types.spec import HttpExample, Route

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

_METHOD = r"(?:GET|POST|PUT|PATCH|DELETE)"
_BEGINS = re.compile(rf"^[`*]*(?:CRUD\s+`?/|{_METHOD}\b[`*]*(?:\s*[,/|&]\s*`?{_METHOD}\b`?)*\s+[`*]*/)")
_ROUTE_TOKEN = re.compile(rf"\s*(?:[,;|&]|/(?=\s)|and\b|or\b)*\s*[`*]*(?:({_METHOD})\b|(/[^\s`*|,]*))[`*]*")
_ARROW = re.compile(r"(?:->|=>|→|⇒|⟶|--+>)\s*")
_ARROW_WORD = re.compile(r"(?:,?\s*(?:returns?|responds?(?: with)?|gives?|answers?(?: with)?)\s+)")
_STATUS = re.compile(r"(?:HTTP(?:/[\d.]+)?\s*|status(?: code)?\s*:?\s*)?([1-5]\d{2})\b")
_LEAD_IN = re.compile(r"^(?:with(?: body)?|body|json|data)?\s*:?\s*", re.I)
_COMMENT = re.compile(r"^\s*(?:#|//|--|;|\.|$)")
_SHOWS_JSON = re.compile(r"\s(?:\[|\{\s*[\"'}])")
_PARAMETER = re.compile(r":([A-Za-z_]\w*)|<(?:\w+:)?([A-Za-z_]\w*)>")
_SAFE_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/{}-]*\Z")

_CRUD: tuple[tuple[Method, str], ...] = (
    ("POST", ""),
    ("GET", ""),
    ("GET", "/{id}"),
    ("PUT", "/{id}"),
    ("PATCH", "/{id}"),
    ("DELETE", "/{id}"),
)


def is_request(text: str) -> bool:
    """Whether the line begins with an HTTP method (in capitals) and a path."""
    return _BEGINS.match(text) is not None


def speaks_of_status(text: str, *, needs_json: bool) -> bool:
    """Whether the line has an arrow and a status, as examples do; among routes it must show JSON too."""
    if needs_json and not _SHOWS_JSON.search(text):
        return False
    return any(_STATUS.match(text, arrow.end()) for arrow in _ARROW.finditer(text))


def joins_next(text: str, following: str) -> bool:
    """Whether `following` continues this request: an open bracket, or a line that starts with an arrow."""
    return _ARROW.match(following) is not None or (bool(following) and _open_brackets(text) > 0)


def read_routes(text: str, line: int) -> tuple[Route, ...]:
    """All routes of a line such as ``PUT /books/{id} / PATCH / DELETE /books/{id}  change or remove a book``.

    A method without a path of its own takes the next path, or else the one before. Empty: not understood.
    """
    if text.lstrip("`*").startswith("CRUD"):
        path = _route_path(text.split()[1])
        return tuple(Route(method=m, path=path + tail, line=line) for m, tail in _CRUD) if path else ()
    waiting: list[str] = []
    found: list[tuple[str, str]] = []
    position = 0
    while token := _ROUTE_TOKEN.match(text, position):
        if token[1]:
            waiting.append(token[1])
        else:
            path = _route_path(token[2])
            if path is None or not waiting:
                break
            found += [(method, path) for method in waiting]
            waiting = []
        position = token.end()
    if waiting and found:
        found += [(method, found[-1][1]) for method in waiting]
    summary = _summary(text[position:])
    return tuple(Route(method=cast(Method, m), path=p, summary=summary, line=line) for m, p in found)


def read_example(text: str, line: int) -> HttpExample | str:
    """The example of this line, or the reason why it is not one."""
    method, _, rest = text.strip("`* ").partition(" ")
    path, _, rest = rest.strip().lstrip("`").partition(" ")
    path = path.rstrip("`,:")
    if "{" in path or "<" in path or _PARAMETER.search(path.partition("?")[0]):
        return "its path has a placeholder; an example needs the value itself"
    if not _SAFE_PATH.match(path.partition("?")[0]):
        return "its path has characters that a URL path cannot have"
    try:
        body, rest = _optional_json(_LEAD_IN.sub("", rest.strip().strip("`")))
    except ValueError as error:
        return f"the request body is not JSON: {error}"
    arrow = _ARROW.match(rest.strip()) or _ARROW_WORD.match(rest.strip())
    status = _STATUS.match(rest.strip(), arrow.end()) if arrow else None
    if status is None:
        return "it has no status code after an arrow, for example `-> 200`"
    try:
        expected, rest = _optional_json(_reason_phrase(rest.strip()[status.end() :]))
    except ValueError as error:
        return f"the expected body is not JSON: {error}"
    if expected is not None and not _COMMENT.match(rest.strip("` ")):
        return "what follows the expected body is not understood"
    return HttpExample(
        method=cast(Method, method), path=path, body=body, status=int(status[1]), expected=expected, line=line
    )


def _route_path(text: str) -> str | None:
    """The path in FastAPI's form: ``/books/:id`` and ``/books/<int:id>`` become ``/books/{id}``."""
    path = _PARAMETER.sub(lambda m: "{" + (m[1] or m[2]) + "}", text.rstrip(".,;:`*")).partition("?")[0]
    path = path.rstrip("/") or "/"
    return path if _SAFE_PATH.match(path) else None


def _summary(text: str) -> str:
    return " ".join(text.strip(" \t-–—:|>→=`*.").replace("`", "").split())


def _reason_phrase(text: str) -> str:
    """Drop words such as ``Created`` or ``not found`` between the status and the JSON."""
    begins = re.search(r'[\[{"]', text)
    return text[begins.start() :] if begins else ""


def _optional_json(text: str) -> tuple[Any, str]:
    """A JSON value at the start of the text and what follows; (None, text) when none starts here.

    A Python literal is read too when it says the same (``{'read': True}``). Raises ValueError with a clause.
    """
    text = text.strip()
    if not text or text[0] not in '[{"':
        return None, text
    try:
        value, end = json.JSONDecoder(parse_constant=_refuse_constant).raw_decode(text)
        return value, text[end:]
    except (ValueError, RecursionError) as error:
        closed = _balanced_end(text)
        if closed is None:
            raise ValueError("its brackets are not closed") from None
        try:
            value = ast.literal_eval(text[:closed])
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            raise ValueError(str(error)) from None
        if not _is_json(value):
            raise ValueError("it holds a value that JSON does not have") from None
        return value, text[closed:]


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _is_json(value: object) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(item) for key, item in value.items())
    if isinstance(value, list):
        return all(_is_json(item) for item in value)
    return value is None or isinstance(value, (str, int, float, bool))


_STRINGS = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'')


def _open_brackets(text: str) -> int:
    """How many JSON brackets are still open. Strings and path parameters do not count."""
    bare = _STRINGS.sub("", text.partition("/")[2].partition(" ")[2])
    return sum(ch in "[{" for ch in bare) - sum(ch in "]}" for ch in bare)


def _balanced_end(text: str) -> int | None:
    """Offset just after the bracket that closes the first one; None when it stays open."""
    depth = 0
    bare = _STRINGS.sub(lambda m: " " * len(m[0]), text)
    for offset, ch in enumerate(bare):
        depth += (ch in "[{") - (ch in "]}")
        if depth == 0:
            return offset + 1
    return None
