"""Reads what a request says about a service: entities, routes, rules and request examples.

Forgiving in form: Markdown headings, bullets, tables, code fences and plain lines are all read. Strict in
trust: a request example becomes a test only when every part of it is understood; else it is kept in
`ignored` with the reason. Everything that is not about HTTP is left to `intake`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from qlayer.generation.intake_entities import Draft, read_field, read_table_field, split_entity
from qlayer.generation.intake_requests import (
    is_request,
    joins_next,
    read_example,
    read_routes,
    speaks_of_status,
)
from qlayer.types.frozen import Frozen
from qlayer.types.spec import Entity, HttpExample, Ignored, Route

MAX_JOINED_LINES = 60
"""Lines that one request example may span."""
MAX_IGNORED_CHARS = 160


class HttpParts(Frozen):
    """What a request says about a service. All empty when it is not about one."""

    entities: tuple[Entity, ...] = ()
    routes: tuple[Route, ...] = ()
    scenario: tuple[HttpExample, ...] = ()
    rules: tuple[str, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    lines: tuple[int, ...] = ()
    """1-based numbers of the lines that were read here, so that no other reader needs to look at them."""


class _Section(Enum):
    EXAMPLES = auto()
    RULES = auto()
    ROUTES = auto()
    ENTITIES = auto()
    OTHER = auto()


_SECTIONS = (
    (_Section.EXAMPLES, re.compile(r"\b(examples?|requests?|scenarios?|sample calls)\b", re.I)),
    (_Section.RULES, re.compile(r"\b(rules?|validations?|constraints?|invariants?)\b", re.I)),
    (_Section.ROUTES, re.compile(r"\b(routes?|endpoints?|api|operations)\b", re.I)),
    (_Section.ENTITIES, re.compile(r"\b(entit(y|ies)|resources?|models?)\b", re.I)),
)
_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*\s*$")
_LABEL = re.compile(r"^(?:\*\*)?([A-Za-z][A-Za-z ]{2,30}):?(?:\*\*)?:?\s*$")
_RULE_LINE = re.compile(r"^rules?\s*:\s*(\S.*)$", re.I)
_BULLET = re.compile(r"^(\s*)(?:[-*+•]|\d{1,3}[.)])\s+(.*)$")
_FENCE = re.compile(r"^\s*(```|~~~)")
_RULE_ROW = re.compile(r"^[\s|:+-]+$")


def parse_http(text: str) -> HttpParts:
    """Read the HTTP side of a request. Never raises for odd text; see `HttpParts.ignored`."""
    reader = _Reader()
    for line in _logical_lines(text):
        reader.read(line)
    return reader.parts()


@dataclass(frozen=True)
class _Line:
    """One line, or several that belong together, without its bullet."""

    number: int
    count: int
    text: str
    indent: int
    bullet: bool
    fenced: bool


@dataclass
class _Reader:
    section: _Section = _Section.OTHER
    section_level: int = 0
    draft: Draft | None = None
    draft_indent: int = -1
    columns: tuple[str, ...] = ()
    drafts: list[Draft] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    scenario: list[HttpExample] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)
    ignored: list[Ignored] = field(default_factory=list)
    lines: set[int] = field(default_factory=set)
    titled: bool = False

    def parts(self) -> HttpParts:
        rules = [*(rule for draft in self.drafts for rule in draft.rules), *self.rules]
        return HttpParts(
            entities=tuple(draft.entity() for draft in self.drafts if draft.fields),
            routes=tuple(dict.fromkeys(self.routes)),
            scenario=tuple(self.scenario),
            rules=tuple(dict.fromkeys(rules)),
            ignored=tuple(self.ignored),
            lines=tuple(sorted(self.lines)),
        )

    def read(self, line: _Line) -> None:
        if not line.fenced and self._heading(line):
            return
        cells = _cells(line.text)
        text = " ".join(cells) if cells else line.text
        if cells and (_RULE_ROW.match(line.text) or self._table_head(cells)):
            return
        if is_request(text):
            self._request(line, cells)
        elif self.section is _Section.ENTITIES:
            self._entity_line(line, cells)
        elif self.section is _Section.RULES and not line.fenced:
            self._rule(line, text)
        elif not line.fenced and (rule := _RULE_LINE.match(text)):
            self._rule(line, rule[1])

    def _heading(self, line: _Line) -> bool:
        """Follow headings and labels such as ``Routes:``; a deeper heading among entities names one."""
        heading = _HEADING.match(line.text)
        if heading and is_request(heading[2]):
            self._request(replace(line, text=heading[2]), ())
            return True
        label = None if line.bullet else _LABEL.match(line.text)
        if not heading and not (label and line.text.rstrip("* ").endswith(":")):
            return False
        level, words = (len(heading[1]), heading[2]) if heading else (6, label[1] if label else "")
        if heading and level == 1 and not self.titled:
            self.titled = True
            return True
        section = next((section for section, names in _SECTIONS if names.search(words)), _Section.OTHER)
        inside = self.section is _Section.ENTITIES and level > self.section_level
        if section is _Section.OTHER and inside:
            self._begin(Draft.named(words), -1)
            self.lines.add(line.number)
            return True
        if label and section is _Section.OTHER:
            return False
        self.section, self.section_level, self.draft, self.columns = section, level, None, ()
        if section is not _Section.OTHER:
            self.lines.add(line.number)
        return True

    def _table_head(self, cells: tuple[str, ...]) -> bool:
        names = tuple(cell.lower() for cell in cells)
        if not {"type", "method", "request", "path", "rule"} & set(names):
            return False
        self.columns = names
        return True

    def _request(self, line: _Line, cells: tuple[str, ...]) -> None:
        text = _table_request(cells) if cells else line.text
        self._take(line)
        exemplary = self.section is _Section.EXAMPLES
        if exemplary or speaks_of_status(text, needs_json=self.section is _Section.ROUTES):
            example = read_example(text, line.number)
            if isinstance(example, str):
                self._ignore(line, example)
            else:
                self.scenario.append(example)
            return
        routes = read_routes(text, line.number)
        if not routes:
            self._ignore(line, "it begins like a route, but its path is not understood")
        self.routes.extend(routes)

    def _entity_line(self, line: _Line, cells: tuple[str, ...]) -> None:
        if not line.text.strip() or not (line.bullet or cells or ":" in line.text or "(" in line.text):
            return
        self._take(line)
        if cells:
            self._table_field(line, cells)
            return
        nested = self.draft is not None and line.bullet and line.indent > self.draft_indent
        if nested and self.draft is not None:
            self._note(line, read_field(self.draft, line.text))
            return
        name, fields = split_entity(line.text)
        if not name:
            self._ignore(line, "it does not name an entity and its fields")
            return
        draft = self._begin(Draft.named(name), line.indent)
        for text in fields:
            self._note(line, read_field(draft, text))

    def _table_field(self, line: _Line, cells: tuple[str, ...]) -> None:
        row = dict(zip(self.columns, cells, strict=False))
        if "entity" in row and (self.draft is None or Draft.named(row["entity"]).name != self.draft.name):
            self._begin(Draft.named(row["entity"]), -1)
        if self.draft is None:
            self._ignore(line, "the table does not say which entity it describes")
            return
        self._note(line, read_table_field(self.draft, row))

    def _begin(self, draft: Draft, indent: int) -> Draft:
        known = next((d for d in self.drafts if d.name == draft.name), None)
        if known is None:
            self.drafts.append(draft)
        self.draft, self.draft_indent = known or draft, indent
        return self.draft

    def _rule(self, line: _Line, text: str) -> None:
        sentence = " ".join(text.replace("`", "").replace("**", "").split()).rstrip(".")
        if sentence:
            self._take(line)
            self.rules.append(sentence)

    def _note(self, line: _Line, reasons: tuple[str, ...]) -> None:
        for reason in reasons:
            self._ignore(line, reason)

    def _ignore(self, line: _Line, reason: str) -> None:
        shown = " ".join(line.text.split())[:MAX_IGNORED_CHARS]
        self.ignored.append(Ignored(line=line.number, text=shown, reason=reason))

    def _take(self, line: _Line) -> None:
        self.lines.update(range(line.number, line.number + line.count))


def _logical_lines(text: str) -> Iterator[_Line]:
    """Lines without bullets and fences; a request example that goes on below is joined to one line."""
    raw = text.splitlines()
    fenced = False
    index = 0
    while index < len(raw):
        if _FENCE.match(raw[index]):
            fenced = not fenced
            index += 1
            continue
        bullet = None if fenced else _BULLET.match(raw[index])
        body = (bullet[2] if bullet else raw[index]).strip()
        indent = len(bullet[1].expandtabs(4)) if bullet else len(raw[index]) - len(raw[index].lstrip())
        count = 1
        while index + count < len(raw) and count < MAX_JOINED_LINES:
            following = raw[index + count].strip()
            if not is_request(body) or not joins_next(body, following) or _FENCE.match(following):
                break
            body = f"{body} {following}"
            count += 1
        yield _Line(index + 1, count, body, indent, bullet is not None, fenced)
        index += count


def _cells(text: str) -> tuple[str, ...]:
    """The cells of a Markdown table row; empty when it is none."""
    stripped = text.strip()
    if not (stripped.startswith("|") and stripped.endswith("|") and len(stripped) > 1):
        return ()
    return tuple(cell.strip().strip("`").strip() for cell in stripped[1:-1].split("|"))


def _table_request(cells: tuple[str, ...]) -> str:
    """A row such as ``POST | /books | {...} | 201 | {...}`` as the plain line that says the same."""
    words = [
        f"-> {cell}" if re.match(r"\d{3}\b", cell) else cell for cell in cells if cell not in ("", "-", "—")
    ]
    return " ".join(words)
