"""Rule sentences that need no model: ``pages must be greater than 0``, ``title must not be empty``.

A sentence is taken only when it is unambiguous: one known field, one known form, nothing left over, and a
type that the form makes sense for. All others are left to a slot.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any

from qlayer.types.frozen import Frozen
from qlayer.types.spec import Entity, EntityField

MAX_LENGTH = 10_000
"""Longest text that a rule about length may speak of; a longer one is left to a slot."""


class Kind(StrEnum):
    ABOVE = "above"
    BELOW = "below"
    AT_LEAST = "at least"
    AT_MOST = "at most"
    BETWEEN = "between"
    NOT_EMPTY = "not empty"
    LENGTH = "length"
    ONE_OF = "one of"
    UNIQUE = "unique"
    AFTER = "after"
    """Greater than another field of the same row."""
    NOT_BEFORE = "not before"
    """At least another field of the same row."""


class Constraint(Frozen):
    """One rule about one field. `bounds` are inclusive for BETWEEN and LENGTH; None leaves a side open."""

    field: str
    kind: Kind
    sentence: str
    bounds: tuple[float | int | None, float | int | None] = (None, None)
    choices: tuple[str, ...] = ()
    other: str = ""
    """For AFTER and NOT_BEFORE: the field that it is compared with."""
    optional: bool = False
    """Whether the field may be missing (None), which breaks no rule."""

    def violation(self, value: str) -> str:
        """A Python expression that is true when the expression `value` breaks the rule."""
        low, high = self.bounds
        match self.kind:
            case Kind.ABOVE:
                return f"{value} <= {low}"
            case Kind.BELOW:
                return f"{value} >= {high}"
            case Kind.AT_LEAST:
                return f"{value} < {low}"
            case Kind.AT_MOST:
                return f"{value} > {high}"
            case Kind.BETWEEN:
                return f"not {low} <= {value} <= {high}"
            case Kind.AFTER:
                return f"{value} <= {value.replace(self.field, self.other)}"
            case Kind.NOT_BEFORE:
                return f"{value} < {value.replace(self.field, self.other)}"
            case Kind.NOT_EMPTY:
                return f"not {value}.strip()"
            case Kind.ONE_OF:
                choices = ", ".join(f'"{choice}"' for choice in self.choices)
                return f"{value} not in ({choices})"
            case Kind.LENGTH if high is None:
                return f"len({value}) < {low}"
            case Kind.LENGTH if low is None:
                return f"len({value}) > {high}"
            case Kind.LENGTH:
                return f"not {low} <= len({value}) <= {high}"
        return "False"

    def allows(self, value: Any) -> bool:
        low, high = self.bounds
        size = len(value) if self.kind is Kind.LENGTH else value
        match self.kind:
            case Kind.ABOVE:
                return bool(value > low)
            case Kind.BELOW:
                return bool(value < high)
            case Kind.NOT_EMPTY:
                return bool(value.strip())
            case Kind.ONE_OF:
                return value in self.choices
            case Kind.UNIQUE | Kind.AFTER | Kind.NOT_BEFORE:
                return True
        return (low is None or size >= low) and (high is None or size <= high)

    def edges(self) -> tuple[Any, ...]:
        """Values at the rule's edges, on both sides of it."""
        low, high = self.bounds
        ends = [bound for bound in (low, high) if bound is not None]
        match self.kind:
            case Kind.NOT_EMPTY:
                return ("", "text")
            case Kind.ONE_OF:
                return (*self.choices, "".join(self.choices) + "?")
            case Kind.LENGTH:
                sizes = {max(0, int(end) + step) for end in ends for step in (-1, 0, 1)}
                return tuple("x" * size for size in sorted(sizes))
            case Kind.UNIQUE | Kind.AFTER | Kind.NOT_BEFORE:
                return ()
        return tuple(end + step for end in ends for step in (0, 1, -1))


_N = r"(-?\d+(?:\.\d+)?)"
_CHARS = r"(?: characters?| chars| letters)(?: long)?"
_AND = r"\s*(?:and|to|-|–)\s*"
_MUST = r"(?:must|should|has to|have to|needs? to|is|are|may|can|cannot|can't)"
_FORMS: tuple[tuple[Kind, str], ...] = (
    (Kind.LENGTH, rf"{_MUST} (?:be |have )?(?:at least|no less than|a minimum of) {_N}(?P<min>){_CHARS}"),
    (
        Kind.LENGTH,
        rf"{_MUST} (?:be |have )?(?:at most|no more than|a maximum of|up to) {_N}(?P<max>){_CHARS}",
    ),
    (Kind.LENGTH, rf"(?:may|can|must) not (?:be longer than|exceed) {_N}(?P<max>){_CHARS}"),
    (Kind.LENGTH, rf"{_MUST} (?:be |have )?(?:between )?{_N}{_AND}{_N}{_CHARS}"),
    (Kind.BETWEEN, rf"{_MUST} be (?:between|from) {_N}{_AND}{_N}(?: \(?inclusive\)?)?"),
    (Kind.AT_LEAST, rf"{_MUST} be (?:at least|>=|no less than|not less than|greater than or equal to) {_N}"),
    (Kind.AT_MOST, rf"{_MUST} be (?:at most|<=|no more than|not more than|less than or equal to) {_N}"),
    (Kind.AT_MOST, rf"(?:may|can|must) not (?:exceed|be (?:more|greater|larger|higher) than|be above) {_N}"),
    (Kind.AT_MOST, rf"cannot (?:exceed|be (?:more|greater|larger|higher) than|be above) {_N}"),
    (Kind.ABOVE, rf"{_MUST} be (?:greater than|more than|larger than|bigger than|above|over|>) {_N}"),
    (Kind.BELOW, rf"{_MUST} be (?:less than|smaller than|lower than|below|under|<) {_N}"),
    (Kind.ABOVE, r"must be (?:a )?positive(?: number| integer)?"),
    (Kind.AT_LEAST, r"must be non-?negative|(?:must not|may not|cannot|can not|can't) be negative"),
    (Kind.NOT_EMPTY, r"(?:must not|may not|cannot|can not|can't|should not) be (?:empty|blank)"),
    (Kind.NOT_EMPTY, r"must be (?:non-?empty|not empty)"),
    (Kind.ONE_OF, r"(?:must|has to|can only|may only|should) be (?:one of|either):? (?P<choices>[^.]+)"),
    (Kind.UNIQUE, r"(?:must be|is|are) unique"),
)


def read_constraint(sentence: str, entity: Entity) -> Constraint | None:
    """The constraint that the sentence states about one field of this entity, or None."""
    text = " ".join(sentence.strip().rstrip(".").split())
    for field in entity.fields:
        subject = _subject(field.name, entity.name)
        for kind, form in _FORMS:
            match = re.fullmatch(f"{subject} (?:{form})", text, re.I)
            if match:
                return _constraint(field, kind, sentence, match)
        compared = _compared(field, entity, text, sentence)
        if compared is not None:
            return compared
    return None


_COMPARED: tuple[tuple[Kind, str], ...] = (
    (Kind.AFTER, r"(?:greater than|more than|larger than|later than|after|>)"),
    (Kind.NOT_BEFORE, r"(?:at least|not before|>=|greater than or equal to|no earlier than|on or after)"),
)


def _compared(field: EntityField, entity: Entity, text: str, sentence: str) -> Constraint | None:
    """``end must be after start``: two required fields of one kind."""
    for other in entity.fields:
        alike = field.type == other.type or {field.type, other.type} == {"int", "float"}
        if other.name == field.name or not alike or not (field.required and other.required):
            continue
        for kind, form in _COMPARED:
            said = f"{_subject(field.name, entity.name)} must be {form} {_subject(other.name, entity.name)}"
            if field.type not in ("str", "bool") and re.fullmatch(said, text, re.I):
                return Constraint(field=field.name, kind=kind, sentence=sentence, other=other.name)
    return None


def sample_value(field: EntityField, constraints: tuple[Constraint, ...]) -> Any:
    """A value of the field's type that keeps all constraints; None when none is found."""
    plain: dict[str, Any] = {
        "str": f"{field.name.replace('_', ' ')} 1",
        "int": 1,
        "float": 1.5,
        "bool": False,
        "date": "2024-05-17",
        "datetime": "2024-05-17T08:30:00",
    }
    about = [constraint for constraint in constraints if constraint.field == field.name]
    candidates = [plain[field.type], *(edge for constraint in about for edge in constraint.edges())]
    return next((value for value in candidates if all(c.allows(value) for c in about)), None)


def later(value: Any) -> Any:
    """A value just above a number, a date or a moment of `sample_value`."""
    return value.replace("2024-", "2025-") if isinstance(value, str) else value + 1


def _subject(field: str, entity: str) -> str:
    """The ways to name a field: ``pages``, ``a book's pages``, ``book.pages``, ``the pages of a book``."""
    owner = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "[ _-]?", entity)
    name = re.escape(field).replace("_", "[_ -]")
    article = "(?:an?|the|each|every)"
    return rf"(?:{article} )?(?:{owner}(?:'s|s'|\.)? ?)?{name}(?: of {article} {owner})?"


def _constraint(field: EntityField, kind: Kind, sentence: str, match: re.Match[str]) -> Constraint | None:
    numbers = [_number(text) for text in match.groups() if text and re.fullmatch(_N, text)]
    low: float | int | None = numbers[0] if numbers else 0
    high: float | int | None = numbers[-1] if numbers else None
    choices: tuple[str, ...] = ()
    groups = match.groupdict()
    if kind in (Kind.AT_MOST, Kind.BELOW) or groups.get("max") is not None:
        low = None
    elif kind in (Kind.AT_LEAST, Kind.ABOVE) or groups.get("min") is not None:
        high = None
    if kind is Kind.ONE_OF:
        choices = _choices(groups["choices"] or "")
    textual = kind in (Kind.NOT_EMPTY, Kind.LENGTH, Kind.ONE_OF)
    fits = field.type == "str" if textual else field.type in ("int", "float")
    if not (fits or kind is Kind.UNIQUE) or (kind is Kind.ONE_OF and len(choices) < 2):
        return None
    if kind is Kind.LENGTH and not all(0 <= bound <= MAX_LENGTH for bound in numbers):
        return None
    optional = not field.required and field.default in (None, "None")
    bounded = kind in (Kind.ABOVE, Kind.BELOW, Kind.AT_LEAST, Kind.AT_MOST, Kind.BETWEEN, Kind.LENGTH)
    return Constraint(
        field=field.name,
        kind=kind,
        sentence=sentence,
        bounds=(low, high) if bounded else (None, None),
        choices=choices,
        optional=optional,
    )


def _number(text: str) -> float | int:
    return float(text) if "." in text else int(text)


def _choices(text: str) -> tuple[str, ...]:
    words = [word.strip(" \"'`") for word in re.split(r"\s*,\s*(?:or |and )?|\s+or\s+|\s*\|\s*", text)]
    plain = all(re.fullmatch(r"[\w-]+", word) for word in words)
    return tuple(words) if plain else ()
